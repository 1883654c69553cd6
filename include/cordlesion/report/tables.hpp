// The tables of a run, made from the cases' reports alone, so that a resumed or merged run gives
// the same tables as an undisturbed one.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cordlesion::report {

/// The lines that one case adds to the tables, without line ends.
struct CaseRows {
  std::string case_id;
  std::string status; ///< ok, no_lesion, failed
  std::string label;  ///< the classification's, or n/a
  std::string result;
  std::vector<std::string> lesions;
  std::vector<std::string> failures; ///< none or one
};

/// Rows of a report.json; none if it is not a whole report of this program.
std::optional<CaseRows> rows_of(const std::string& report_json);

/// The rows sorted by case_id.
std::vector<CaseRows> in_order(std::vector<CaseRows> rows);

/// Complete tables with a header line, rows in order of case_id.
struct Tables {
  std::string results;
  std::string lesions;
  std::string failures;
};
Tables tables_of(const std::vector<CaseRows>& rows);

} // namespace cordlesion::report
