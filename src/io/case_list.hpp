// Case lists: tables that name the cases, their images and their masks.
#pragma once

#include "cordlesion/core/error.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cordlesion::io {

struct ListedCase {
  std::string case_id;
  std::filesystem::path image; ///< absolute; a file or a folder
  std::optional<std::filesystem::path> mask;
  std::vector<std::pair<std::string, std::string>> extra_columns; ///< name and value
  std::string where;                                              ///< "cohort.tsv:3", for messages
};

struct CaseList {
  std::vector<ListedCase> cases;
  std::vector<Warning> warnings;
};

/// Reads tab-separated columns case_id, image, [mask], [t1c]; others are carried along. Relative
/// paths are taken from the table's folder. Throws usage errors that name file and line.
CaseList read_case_list(const std::filesystem::path& file);

} // namespace cordlesion::io
