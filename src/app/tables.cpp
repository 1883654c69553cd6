// Tables, counts and the compact results of many cases.
#include "tables.hpp"

#include "cordlesion/core/digest.hpp"
#include "cordlesion/io/atomic_file.hpp"

#include <algorithm>
#include <ostream>

namespace cordlesion::app {

void write_tables(const std::filesystem::path& folder, const std::vector<report::CaseRows>& rows) {
  const report::Tables tables = report::tables_of(rows);
  io::write_file_atomically(folder / "results.tsv", tables.results);
  io::write_file_atomically(folder / "lesions.tsv", tables.lesions);
  io::write_file_atomically(folder / "failures.tsv", tables.failures);
}

std::string cohort_digest_of(std::vector<std::string> case_ids) {
  std::sort(case_ids.begin(), case_ids.end());
  std::string names;
  for (const std::string& case_id : case_ids) {
    names += case_id + '\n';
  }
  return sha256_of_text(names);
}

std::vector<std::string> case_ids_of(const std::vector<report::CaseRows>& rows) {
  std::vector<std::string> ids;
  for (const report::CaseRows& row : rows) {
    ids.push_back(row.case_id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::map<std::string, std::size_t> count_by_status(const std::vector<report::CaseRows>& rows) {
  std::map<std::string, std::size_t> counts{{"ok", 0}, {"no_lesion", 0}, {"failed", 0}};
  for (const report::CaseRows& row : rows) {
    ++counts[row.status];
  }
  return counts;
}

void print_results(std::ostream& results, const std::vector<report::CaseRows>& rows) {
  for (const report::CaseRows& row : report::in_order(rows)) {
    results << row.case_id << '\t' << row.status << '\t' << row.label << '\n';
  }
}

ExitCode exit_code_of(const std::vector<report::CaseRows>& rows) {
  return count_by_status(rows).at("failed") > 0 ? ExitCode::some_cases_failed : ExitCode::ok;
}

} // namespace cordlesion::app
