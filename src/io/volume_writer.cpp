// NIfTI-1 files written through ITK, then read back with our own reader: ITK reports success even
// where nothing reached the disk.
#include "cordlesion/io/volume_writer.hpp"

#include "byte_source.hpp"
#include "temporary_file.hpp"
#include "volume_file.hpp"

#include <itkNiftiImageIO.h>
#include <itkVersion.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
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

/// The sform's three rows (NIfTI-1, method 3): from indices to RAS millimetres.
std::array<float, 12> sform_of(const Grid& grid) {
  std::array<float, 12> rows{};
  const Vec3 ras_sign{-1, -1, 1};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      rows[4 * row + axis] =
          static_cast<float>(ras_sign[row] * grid.direction[axis][row] * grid.spacing_mm[axis]);
    }
    rows[4 * row + 3] = static_cast<float>(ras_sign[row] * grid.origin_mm[row]);
  }
  return rows;
}

using GzipFile = std::unique_ptr<gzFile_s, int (*)(gzFile)>;

/// Writes a file anew that ITK wrote, the grid as it is in its sform. ITK turns axes that are not
/// quite orthogonal, as cosines rounded to three digits are not, into orthogonal ones.
/// @param apart_mm  how far from the grid those lie, which are the qform; if that is near what a
///                  reader takes for a contradiction, the file does without a qform
template <typename T>
void write_with_own_sform(const TemporaryFile& file, const std::string& name,
                          const Volume<T>& volume, double apart_mm) {
  constexpr std::size_t offset_of_qform_code = 252;
  constexpr std::size_t offset_of_sform = 280;
  std::array<char, 352> header{}; // with the mark of no extensions, before the voxels
  try {
    ByteSource(file.path(), name).read(header.data(), header.size());
  } catch (const Error& error) {
    throw file.failure(error.what());
  }
  const auto rows = sform_of(volume.grid());
  std::memcpy(header.data() + offset_of_sform, rows.data(), sizeof rows);
  if (apart_mm > 0.05) {
    std::memset(header.data() + offset_of_qform_code, 0, sizeof(std::int16_t));
  }
  const auto& voxels = volume.voxels();
  GzipFile out(gzopen(file.path().c_str(), "wb"), gzclose);
  if (!out || gzfwrite(header.data(), header.size(), 1, out.get()) != 1 ||
      gzfwrite(voxels.data(), sizeof(T), voxels.size(), out.get()) != voxels.size() ||
      gzclose(out.release()) != Z_OK) {
    throw file.system_failure();
  }
}

/// Reads a written file again. Throws an output error if the voxels differ.
/// @return largest distance of a corner from where it belongs
template <typename T>
double corner_error_of(const TemporaryFile& file, const std::string& name,
                       const Volume<T>& volume) {
  file.flush();
  try {
    const VolumeFile back = read_nifti(file.path(), name, {.orientation = Orientation::sform});
    if (!std::equal(volume.voxels().begin(), volume.voxels().end(), back.image.voxels().begin(),
                    back.image.voxels().end())) {
      throw file.failure("voxels read back differently");
    }
    return max_corner_error_mm(volume.grid(), back.image.grid());
  } catch (const Error& error) {
    throw error.exit_code() == ExitCode::output ? error : file.failure(error.what());
  }
}

template <typename T>
double write_checked(const std::filesystem::path& path, const Volume<T>& volume) {
  TemporaryFile file(path, ".nii.gz");
  try {
    write_with_itk(file.path().string(), volume);
  } catch (const itk::ExceptionObject&) { // its text holds the absolute path
    throw file.failure("the NIfTI writer failed");
  }
  const std::string name = path.filename().string();
  double error_mm = corner_error_of(file, name, volume);
  if (!(error_mm <= same_grid_mm)) {
    write_with_own_sform(file, name, volume, error_mm);
    error_mm = corner_error_of(file, name, volume);
  }
  if (!(error_mm <= same_grid_mm)) {
    throw case_error(Stage::write, "geometry_not_kept",
                     name + " would lie " + std::to_string(error_mm) +
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
