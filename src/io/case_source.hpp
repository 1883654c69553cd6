// One input of the user and the cases it holds.
#pragma once

#include "case_list.hpp"
#include "cordlesion/io/case_input.hpp"
#include "dicom_listing.hpp"
#include "file_walk.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace cordlesion::io {

struct CaseSource {
  std::filesystem::path root;       ///< the folder given, or the folder of the files given
  bool of_single_files = false;     ///< files were given, not the folder
  std::optional<ListedCase> listed; ///< it is a row of a case list
  WalkedFiles files;
  std::vector<std::filesystem::path> bids_images; ///< named by their entities
  std::vector<ListedFile> studies;                ///< one for each of files.dicom
};

/// Adds a file that the user gave by name.
void add_single_file(const std::filesystem::path& file, CaseSource& source);

/// The cases of a source. Names: a volume file by its path below the root without extension, a
/// study by the deepest folder that holds all its files (the root's own name if that is the root),
/// '/' becoming '_'; studies that share a folder get `-` and the first 8 digits of the SHA-256 of
/// their UID. The rule looks at nothing else, so adding cases to a folder does not rename others.
std::vector<CaseInput> cases_of(CaseSource& source);

/// The one case that a row of a case list stands for. Holding several or none is a failure of the
/// case.
CaseInput the_listed_case(const CaseSource& source, std::vector<CaseInput> cases);

} // namespace cordlesion::io
