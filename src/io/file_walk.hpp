// All files under a folder, sorted into those that may be images and the rest.
#pragma once

#include "cordlesion/core/error.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

namespace cordlesion::io {

enum class FileKind {
  volume,   ///< NIfTI, NRRD or MetaImage by its name
  dicom,    ///< DICOM by its first bytes
  doubtful, ///< DICOM by its name alone, empty, or not readable
  other,
};

/// Looks at a file's name and, where that does not decide, at its first bytes.
FileKind recognise(const std::filesystem::path& file);

struct WalkedFiles {
  std::vector<std::filesystem::path> volumes;
  std::vector<std::filesystem::path> dicom;
  /// Files that stand among DICOM files and should be DICOM, but are not.
  std::vector<std::filesystem::path> broken;
  std::map<std::filesystem::path, std::size_t> skipped; ///< per folder
  std::vector<Warning> warnings;
};

/// Walks through a folder without recursion. Links are followed, no folder or file is visited
/// twice, and only regular files are opened.
/// @param excluded  a folder that is not entered
WalkedFiles walk_folder(const std::filesystem::path& root,
                        const std::optional<std::filesystem::path>& excluded);

/// Adds one file to the right list.
void sort_in(const std::filesystem::path& file, WalkedFiles& files);

/// Decides on the doubtful: those with the ending of DICOM files beside them are broken, as are
/// those that are DICOM by name; the rest is skipped. `root` is for warnings.
void settle_doubtful(const std::vector<std::filesystem::path>& doubtful,
                     const std::filesystem::path& root, WalkedFiles& files);

} // namespace cordlesion::io
