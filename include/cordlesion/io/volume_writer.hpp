// NIfTI-1 files written from volumes, complete or absent.
#pragma once

#include "cordlesion/core/volume.hpp"

#include <filesystem>
#include <string>

namespace cordlesion::io {

/// Writes a gzip-compressed NIfTI-1 file (uint8, sform and qform) on exactly the volume's grid,
/// reads it back and compares voxels and geometry, then renames it into place. Returns the largest
/// corner error in mm of the file as re-read. Throws an output error (exit 5).
double write_nifti(const std::filesystem::path& path, const Mask& mask);
/// The same for float32 images.
double write_nifti(const std::filesystem::path& path, const Image& image);

std::string itk_version();

} // namespace cordlesion::io
