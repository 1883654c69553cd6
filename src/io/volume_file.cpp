// Volume files: which format a name announces, and what is checked alike in all of them.
#include "volume_file.hpp"

#include "letter_case.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace cordlesion::io {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 7> formats{{{".nii.gz", "nifti"},
                                                                      {".nii", "nifti"},
                                                                      {".hdr", "nifti"},
                                                                      {".nrrd", "nrrd"},
                                                                      {".nhdr", "nrrd"},
                                                                      {".mha", "metaimage"},
                                                                      {".mhd", "metaimage"}}};

void require_valid_grid(const Grid& grid, const std::string& name) {
  try {
    require_valid(grid);
  } catch (const Error& error) {
    throw case_error(error.stage(), error.code(), name + ": " + error.what(), error.hint());
  }
}

/// NaN and infinity: a few become background, many mean that the file is broken.
void replace_not_finite(Image& image, const std::string& name, std::vector<Warning>& warnings) {
  std::size_t count = 0;
  float smallest = std::numeric_limits<float>::max();
  for (const float value : image.voxels()) {
    if (std::isfinite(value)) {
      smallest = std::min(smallest, value);
    } else {
      ++count;
    }
  }
  if (count == 0) {
    return;
  }
  const std::string found = name + ": " + std::to_string(count) + " of " +
                            std::to_string(image.voxels().size()) +
                            " voxels are not numbers or infinite";
  if (count * 100 >= image.voxels().size()) {
    throw case_error(Stage::read, "not_finite", found + ", less than 1% expected",
                     "find out which step wrote them and repeat it");
  }
  for (float& value : image.voxels()) {
    value = std::isfinite(value) ? value : smallest;
  }
  warnings.push_back({"not_finite", found + "; taken as background"});
}

} // namespace

std::optional<std::string> volume_format(const std::filesystem::path& file) {
  const std::string name = lower(file.filename().string());
  for (const auto& [ending, format] : formats) {
    if (name.ends_with(ending)) {
      return format;
    }
  }
  return std::nullopt;
}

std::string volume_stem(const std::filesystem::path& file) {
  std::string name = file.filename().string();
  for (const auto& [ending, format] : formats) {
    const std::string_view text(ending);
    if (lower(name).ends_with(text)) {
      return name.substr(0, name.size() - text.size());
    }
  }
  return name;
}

VolumeFile read_volume_file(const std::filesystem::path& file, const std::string& name,
                            const VolumeChoice& choice) {
  const std::string format = volume_format(file).value_or("");
  if (format.empty()) {
    throw case_error(Stage::read, "unknown_format",
                     name + ": the name ends like no format that can be read",
                     "give a .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd file");
  }
  VolumeFile volume = format == "nifti"  ? read_nifti(file, name, choice)
                      : format == "nrrd" ? read_nrrd(file, name)
                                         : read_metaimage(file, name);
  require_valid_grid(volume.image.grid(), name);
  replace_not_finite(volume.image, name, volume.warnings);
  return volume;
}

} // namespace cordlesion::io
