// What a folder of results holds: the files of a case, the cases, and their text.
#pragma once

#include "cordlesion/report/case_report.hpp"
#include "cordlesion/report/tables.hpp"

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordlesion::app {

/// The files of a case. The report first: without it a case does not count as complete.
inline constexpr std::array case_files{"report.json", "lesion_mask.nii.gz",
                                       "lesion_probability.nii.gz"};

/// How the name of a mask begins that a run has set aside; a number and ".nii.gz" follow.
inline constexpr std::string_view kept_mask_prefix = "lesion_mask.kept-";

/// The content of a file; empty if it cannot be read or is no regular file: a pipe would never end.
std::string text_of_file(const std::filesystem::path& path);

/// Names of the folders, and of the links to folders, with a report.json (of whatever program),
/// sorted. Throws std::filesystem::filesystem_error if `folder` cannot be listed.
std::vector<std::string> cases_in(const std::filesystem::path& folder);

/// The rows of the report in a case's folder; none if it is not a whole report of this program on
/// the case that the folder is named after.
std::optional<report::CaseRows> rows_in(const std::filesystem::path& case_folder);

/// The digests in a case's report; none if it is not a complete one.
std::optional<report::Digests> digests_in(const std::filesystem::path& case_folder);

/// Whether there is a regular file of this SHA-256 digest; none is that of no file.
bool is_file_of(const std::filesystem::path& path, const std::optional<std::string>& digest);

/// Whether `path` is `folder` or lies below it, links resolved.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder);

/// The folder as messages show it: without a final separator.
std::string shown(const std::filesystem::path& folder);

/// Throws a usage error if there is no such folder, and an Error with ExitCode::no_input if it
/// cannot be listed or holds neither a run.json nor the report of a case.
void require_results(const std::filesystem::path& folder);

} // namespace cordlesion::app
