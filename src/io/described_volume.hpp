// Volumes whose text header says where their voxels lie: NRRD and MetaImage.
#pragma once

#include "cordlesion/core/volume.hpp"
#include "voxel_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace itk {
class ImageIOBase;
}

namespace cordlesion::io {

/// Where the voxels lie, and as what.
struct VoxelBytes {
  std::filesystem::path file;
  std::uint64_t start = 0;
  bool compressed = false;
  bool big_endian = false;
  VoxelType type;
};

/// Reads the voxels; a file that holds more or fewer is a case error. The grid is read by `io`,
/// ITK's class for the format (never chosen by ITK's factory, which would try them all). ITK does
/// not read the voxels, because it takes missing ones for zeros.
Image read_described(itk::ImageIOBase& io, const std::filesystem::path& header_file,
                     const VoxelBytes& voxels, const std::array<std::size_t, 3>& sizes,
                     const std::string& name);

} // namespace cordlesion::io
