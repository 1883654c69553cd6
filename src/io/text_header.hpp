// Headers of text lines, as NRRD and MetaImage files begin with.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/volume.hpp"
#include "voxel_reader.hpp"

#include <itkImageIOBase.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cordlesion::io {

struct TextHeader {
  std::map<std::string, std::string> fields; ///< keys in lower case
  std::uint64_t data_start = 0;              ///< first byte after the header

  bool has(const std::string& key) const { return fields.contains(key); }
  /// Empty if missing.
  std::string value(const std::string& key) const;
  std::vector<std::string> words(const std::string& key) const;
};

/// "key: value" lines up to an empty line.
TextHeader read_nrrd_header(const std::filesystem::path& file, const std::string& name);
/// "Key = value" lines up to and with ElementDataFile.
TextHeader read_metaimage_header(const std::filesystem::path& file, const std::string& name);

/// Sizes of a 3-D image from words; throws case errors unless there are three positive ones whose
/// product is within the limit.
std::array<std::size_t, 3> require_sizes(const std::vector<std::string>& words,
                                         const std::string& name);

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

/// A data file named by a header: a plain file beside it. Throws a case error for anything else.
std::filesystem::path beside(const std::filesystem::path& header, const std::string& data_file,
                             const std::string& name);

} // namespace cordlesion::io
