// NIfTI-1 and NIfTI-2 files, plain or gzip. Not read through ITK, which takes a truncated file for
// zeros, NaN for 0 and the first volume for all.
#include "byte_source.hpp"
#include "volume_file.hpp"
#include "voxel_reader.hpp"

#include <cstdint>

namespace cordlesion::io {
namespace {

/// The types of nifti1.h that are one number per voxel.
VoxelType voxel_type_of(const NiftiHeader& header, const std::string& name) {
  switch (header.datatype) {
  case 2:
    return voxel_type<std::uint8_t>();
  case 4:
    return voxel_type<std::int16_t>();
  case 8:
    return voxel_type<std::int32_t>();
  case 16:
    return voxel_type<float>();
  case 64:
    return voxel_type<double>();
  case 256:
    return voxel_type<std::int8_t>();
  case 512:
    return voxel_type<std::uint16_t>();
  case 768:
    return voxel_type<std::uint32_t>();
  case 1024:
    return voxel_type<std::int64_t>();
  case 1280:
    return voxel_type<std::uint64_t>();
  default:
    throw case_error(Stage::read, "voxel_type",
                     name + ": voxels of NIfTI data type " + std::to_string(header.datatype) +
                         " (colour, complex, vector or unknown), one number per voxel expected",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
}

/// The volume to read, from 0.
std::uint64_t chosen_volume(const NiftiHeader& header, const VolumeChoice& choice,
                            const std::string& name) {
  const auto volumes = static_cast<std::uint64_t>(header.dim[4]);
  const std::string found = name + ": holds " + std::to_string(volumes) + " volumes, ";
  if (volumes == 1) {
    return 0;
  }
  if (!choice.volume) {
    throw case_error(Stage::read, "several_volumes", found + "one expected",
                     "name the one to use with --volume N, or extract it into a file of its own");
  }
  if (*choice.volume > volumes) {
    throw case_error(Stage::read, "no_such_volume",
                     found + "--volume asks for number " + std::to_string(*choice.volume));
  }
  return *choice.volume - 1;
}

} // namespace

VolumeFile read_nifti(const std::filesystem::path& file, const std::string& name,
                      const VolumeChoice& choice) {
  ByteSource source(file, name);
  const NiftiHeader header = read_nifti_header(source, name);
  const VoxelType type = voxel_type_of(header, name);
  if (static_cast<std::size_t>(header.bits_per_voxel) != type.bytes * 8) {
    throw case_error(Stage::read, "voxel_type",
                     name + ": data type " + std::to_string(header.datatype) + " and " +
                         std::to_string(header.bits_per_voxel) + " bits per voxel contradict");
  }
  const Grid grid = grid_of(header, choice.orientation, name);
  const std::uint64_t before = chosen_volume(header, choice, name);
  const std::uint64_t after = static_cast<std::uint64_t>(header.dim[4]) - 1 - before;
  const std::uint64_t volume_bytes = voxel_count(grid) * type.bytes;
  source.skip(before * volume_bytes);
  std::vector<float> voxels = read_voxels(source, type, voxel_count(grid),
                                          {header.swapped, header.slope, header.intercept});
  source.skip(after * volume_bytes);
  source.require_end();
  return {Image(grid, std::move(voxels)), "nifti", {}, {}};
}

} // namespace cordlesion::io
