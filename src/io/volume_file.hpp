// Volume files: NIfTI, NRRD and MetaImage, read with every check that their libraries leave out.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/volume.hpp"
#include "nifti_header.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

struct VolumeFile {
  Image image;
  std::string format;                            ///< `nifti`, `nrrd`, `metaimage`
  std::vector<std::filesystem::path> data_files; ///< beside the file itself, where voxels lie apart
  std::vector<Warning> warnings;
};

/// The format that a file's name announces; none if it is no volume file.
std::optional<std::string> volume_format(const std::filesystem::path& file);

/// A file's name without folder and volume extension (`.nii.gz` is one).
std::string volume_stem(const std::filesystem::path& file);

/// Reads a volume file of any known format. Throws case errors (stage read).
/// @param name  the file's relative path, for messages
VolumeFile read_volume_file(const std::filesystem::path& file, const std::string& name,
                            const VolumeChoice& choice);

/// The readers by format.
VolumeFile read_nifti(const std::filesystem::path& file, const std::string& name,
                      const VolumeChoice& choice);
VolumeFile read_nrrd(const std::filesystem::path& file, const std::string& name);
VolumeFile read_metaimage(const std::filesystem::path& file, const std::string& name);

} // namespace cordlesion::io
