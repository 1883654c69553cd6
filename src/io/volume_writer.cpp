// NIfTI-1 files written through ITK, then read back with our own reader: ITK reports success even
// where nothing reached the disk.
#include "cordlesion/io/volume_writer.hpp"

#include "temporary_file.hpp"
#include "volume_file.hpp"

#include <itkNiftiImageIO.h>
#include <itkVersion.h>

#include <algorithm>
#include <string>

namespace cordlesion::io {
namespace {

template <typename T> void write_with_itk(const std::string& path, const Volume<T>& volume) {
  const Grid& grid = volume.grid();
  auto io = itk::NiftiImageIO::New();
  io->SetFileName(path);
  io->SetNumberOfDimensions(3);
  for (unsigned int axis = 0; axis < 3; ++axis) {
    io->SetDimensions(axis, grid.size[axis]);
    io->SetSpacing(axis, grid.spacing_mm[axis]);
    io->SetOrigin(axis, grid.origin_mm[axis]);
    io->SetDirection(axis, {grid.direction[axis].begin(), grid.direction[axis].end()});
  }
  io->SetPixelType(itk::IOPixelEnum::SCALAR);
  io->SetNumberOfComponents(1);
  io->SetComponentType(std::is_same_v<T, float> ? itk::IOComponentEnum::FLOAT
                                                : itk::IOComponentEnum::UCHAR);
  io->Write(volume.voxels().data());
}

template <typename T>
double write_checked(const std::filesystem::path& path, const Volume<T>& volume) {
  TemporaryFile file(path, ".nii.gz");
  try {
    write_with_itk(file.path().string(), volume);
  } catch (const itk::ExceptionObject&) { // its text holds the absolute path
    throw file.failure("the NIfTI writer failed");
  }
  file.flush();
  double error_mm = 0;
  try {
    const VolumeFile back =
        read_nifti(file.path(), path.filename().string(), {.orientation = Orientation::sform});
    error_mm = max_corner_error_mm(volume.grid(), back.image.grid());
    if (!std::equal(volume.voxels().begin(), volume.voxels().end(), back.image.voxels().begin(),
                    back.image.voxels().end())) {
      throw file.failure("voxels read back differently");
    }
  } catch (const Error& error) {
    throw error.exit_code() == ExitCode::output ? error : file.failure(error.what());
  }
  if (!(error_mm <= same_grid_mm)) {
    throw case_error(Stage::write, "geometry_not_kept",
                     path.filename().string() + " would lie " + std::to_string(error_mm) +
                         " mm off the image at a corner, at most 0.01 mm is allowed",
                     "NIfTI cannot hold this image's geometry exactly enough");
  }
  file.commit();
  return error_mm;
}

} // namespace

double write_nifti(const std::filesystem::path& path, const Mask& mask) {
  return write_checked(path, mask);
}

double write_nifti(const std::filesystem::path& path, const Image& image) {
  return write_checked(path, image);
}

std::string itk_version() {
  return itk::Version::GetITKVersion();
}

} // namespace cordlesion::io
