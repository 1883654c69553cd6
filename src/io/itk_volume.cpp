// Images read with one of ITK's reader classes.
#include "itk_volume.hpp"

#include "cordlesion/core/error.hpp"
#include "voxel_conversion.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace cordlesion::io {
namespace {

void convert(itk::IOComponentEnum type, const char* raw, std::vector<float>& out,
             const std::string& name) {
  const auto as = [&]<typename T>(T) {
    convert_voxels<T>(raw, out.size(), false, 1, 0, out.data());
  };
  switch (type) {
  case itk::IOComponentEnum::UCHAR:
    return as(std::uint8_t{});
  case itk::IOComponentEnum::CHAR:
    return as(std::int8_t{});
  case itk::IOComponentEnum::USHORT:
    return as(std::uint16_t{});
  case itk::IOComponentEnum::SHORT:
    return as(std::int16_t{});
  case itk::IOComponentEnum::UINT:
    return as(std::uint32_t{});
  case itk::IOComponentEnum::INT:
    return as(std::int32_t{});
  case itk::IOComponentEnum::ULONG:
  case itk::IOComponentEnum::ULONGLONG:
    return as(std::uint64_t{});
  case itk::IOComponentEnum::LONG:
  case itk::IOComponentEnum::LONGLONG:
    return as(std::int64_t{});
  case itk::IOComponentEnum::FLOAT:
    return as(float{});
  case itk::IOComponentEnum::DOUBLE:
    return as(double{});
  default:
    throw case_error(Stage::read, "voxel_type", name + ": unknown type of voxels",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
}

Grid grid_of(const itk::ImageIOBase& io) {
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

Image read_with_itk(itk::ImageIOBase& io, const std::filesystem::path& file,
                    const std::array<std::size_t, 3>& sizes, const std::string& name) {
  try {
    io.SetFileName(file.string());
    io.ReadImageInformation();
    if (io.GetNumberOfComponents() != 1 || io.GetPixelType() != itk::IOPixelEnum::SCALAR) {
      throw case_error(Stage::read, "voxel_type",
                       name + ": colour, complex or vector voxels, one number per voxel expected",
                       "convert the image to 16-bit integers or 32-bit floats");
    }
    if (io.GetNumberOfDimensions() != 3) {
      throw case_error(Stage::read, "bad_dimensions", name + ": three dimensions expected");
    }
    const Grid grid = grid_of(io);
    if (grid.size != sizes) {
      throw case_error(Stage::read, "bad_header", name + ": the header's sizes contradict");
    }
    std::vector<char> raw(static_cast<std::size_t>(io.GetImageSizeInBytes()));
    io.Read(raw.data());
    std::vector<float> voxels(voxel_count(grid));
    convert(io.GetComponentType(), raw.data(), voxels, name);
    return {grid, std::move(voxels)};
  } catch (const itk::ExceptionObject&) { // its text holds the absolute path
    throw case_error(Stage::read, "file_unreadable", name + ": the file cannot be read",
                     "export or copy the file again");
  }
}

} // namespace cordlesion::io
