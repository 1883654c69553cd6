// What a run as a whole writes and prints of its cases.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/report/tables.hpp"

#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace cordlesion::app {

/// The case_id of each row, sorted.
std::vector<std::string> case_ids_of(const std::vector<report::CaseRows>& rows);

/// SHA-256 of the names of a cohort's cases, in whatever order.
std::string cohort_digest_of(std::vector<std::string> case_ids);

/// Writes results.tsv, lesions.tsv and failures.tsv.
void write_tables(const std::filesystem::path& folder, const std::vector<report::CaseRows>& rows);

/// Cases by status: ok, no_lesion, failed.
std::map<std::string, std::size_t> count_by_status(const std::vector<report::CaseRows>& rows);

/// One line per case, in order: case_id, status, label.
void print_results(std::ostream& results, const std::vector<report::CaseRows>& rows);

/// ok, or some_cases_failed.
ExitCode exit_code_of(const std::vector<report::CaseRows>& rows);

} // namespace cordlesion::app
