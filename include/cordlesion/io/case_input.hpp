// Cases: what the user's inputs turn out to hold, before any pixel is read.
#pragma once

#include "cordlesion/core/error.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cordlesion::io {

/// One case: a volume file, or the DICOM files of one study.
struct CaseInput {
  enum class Format { dicom, volume_file };

  /// [A-Za-z0-9._-]+, never from patient data: of a volume file its path below the input without
  /// extension, of a study the deepest folder that holds all its files (the input's own name if
  /// that is the input), '/' becoming '_'; of a BIDS image its entities. Studies that share a
  /// folder get '-' and the first 8 digits of the SHA-256 of their UID. Cases of other folders
  /// never change an id.
  std::string case_id;
  Format format = Format::volume_file;
  std::filesystem::path root;                ///< paths in messages are relative to this folder
  std::vector<std::filesystem::path> files;  ///< absolute; sorted; exactly one for a volume file
  std::optional<std::filesystem::path> mask; ///< from a case list
  /// Further columns of a case list (label, split, ...), name and value, in the list's order.
  std::vector<std::pair<std::string, std::string>> extra_columns;
  std::size_t skipped_files = 0; ///< files beside these that are not images (text, PDF, ...)
  std::vector<Warning> warnings;
  /// Why this case cannot be read, known already from listing (a file that ended the parser).
  std::optional<Error> failure;
};

/// Restricts a name to [A-Za-z0-9._-]: other characters become '_', leading dots go; never empty.
std::string safe_case_id(const std::string& name);

} // namespace cordlesion::io
