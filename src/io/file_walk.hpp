// All files under a folder, sorted into those that may be images and the rest.
#pragma once

#include "cordlesion/core/error.hpp"
#include "dicom_pixels.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

namespace cordlesion::io {

enum class FileKind {
  volume,   ///< NIfTI, NRRD or MetaImage by its name
  dicom,    ///< DICOM by its first bytes
  doubtful, ///< none by its first bytes, empty, or not readable: its neighbours decide
  other,    ///< DICOM, but no image
};

/// Looks at a file's name and, where that does not decide, at its first bytes.
FileKind recognise(const std::filesystem::path& file);

struct WalkedFiles {
  std::vector<std::filesystem::path> volumes;
  std::vector<std::filesystem::path> dicom;
  /// Files that stand among DICOM files and should be DICOM, but are not.
  std::vector<std::filesystem::path> broken;
  std::map<std::filesystem::path, std::size_t> skipped; ///< per folder
  std::vector<std::filesystem::path> not_entered;       ///< excluded folders that were met
  std::vector<Warning> warnings;
};

/// Walks through a folder without recursion. Links are followed, no folder or file is visited
/// twice, and only regular files are opened.
/// @param excluded  folders that are not entered
/// @param note      called with the name of each file before it is looked at
WalkedFiles walk_folder(const std::filesystem::path& root,
                        const std::vector<std::filesystem::path>& excluded, const NoteFile& note);

/// What to warn of where a name leads neither to a file nor to a folder; none if it does.
std::optional<Warning> why_not_opened(const std::filesystem::path& path,
                                      const std::filesystem::path& root);

/// Adds one file to the right list.
void sort_in(const std::filesystem::path& file, WalkedFiles& files);

/// Decides on the doubtful. Broken are those that are DICOM by name, those named like the slices
/// beside them, and the empty or unreadable with their ending; the rest is skipped. `root` is for
/// warnings.
void settle_doubtful(const std::vector<std::filesystem::path>& doubtful,
                     const std::filesystem::path& root, WalkedFiles& files);

} // namespace cordlesion::io
