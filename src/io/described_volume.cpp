// Volumes whose text header says where their voxels lie: NRRD and MetaImage.
#include "described_volume.hpp"

#include "byte_source.hpp"
#include "cordlesion/core/error.hpp"

#include <itkImageIOBase.h>

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

namespace cordlesion::io {
namespace {

Grid described_grid(itk::ImageIOBase& io, const std::filesystem::path& file,
                    const std::string& name) {
  try {
    io.SetFileName(file.string());
    io.ReadImageInformation();
  } catch (const itk::ExceptionObject&) { // its text holds the absolute path
    throw case_error(Stage::read, "bad_header", name + ": the header cannot be read",
                     "export or copy the file again");
  }
  if (io.GetNumberOfDimensions() != 3 || io.GetNumberOfComponents() != 1 ||
      io.GetPixelType() != itk::IOPixelEnum::SCALAR) {
    throw case_error(Stage::read, "voxel_type",
                     name + ": colour, complex or vector voxels, one number per voxel expected",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  Grid grid;
  for (unsigned axis = 0; axis < 3; ++axis) {
    grid.size[axis] = io.GetDimensions(axis);
    grid.spacing_mm[axis] = io.GetSpacing(axis);
    grid.origin_mm[axis] = io.GetOrigin(axis);
    const std::vector<double> direction = io.GetDirection(axis);
    std::copy_n(direction.begin(), 3, grid.direction[axis].begin());
  }
  return grid;
}

} // namespace

Image read_described(itk::ImageIOBase& io, const std::filesystem::path& header_file,
                     const VoxelBytes& voxels, const std::array<std::size_t, 3>& sizes,
                     const std::string& name) {
  const Grid grid = described_grid(io, header_file, name);
  if (grid.size != sizes) {
    throw case_error(Stage::read, "bad_header", name + ": the header's sizes contradict");
  }
  ByteSource source(voxels.file, name, voxels.start,
                    voxels.compressed ? Encoding::deflated : Encoding::plain);
  const bool swapped = voxels.big_endian != (std::endian::native == std::endian::big);
  const std::size_t count = voxel_count(grid);
  if (!voxels.compressed && source.file_bytes() < count * voxels.type.bytes) {
    throw case_error(Stage::read, "file_truncated",
                     name + ": " + std::to_string(source.file_bytes()) + " bytes of voxels, " +
                         std::to_string(count * voxels.type.bytes) + " expected",
                     "export or copy the file again");
  }
  std::vector<float> values = read_voxels(source, voxels.type, count, {swapped, 1, 0});
  source.require_end();
  return {grid, std::move(values)};
}

} // namespace cordlesion::io
