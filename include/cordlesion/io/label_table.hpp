// The reference standard of a cohort: a table of cases with their true classes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cordlesion::io {

struct LabelledCase {
  std::string case_id;
  std::string label; ///< one of reference_classes
  std::vector<std::string>
      values;        ///< of the further columns; empty where the table says n/a, NA or NaN
  std::string where; ///< "labels.tsv:3", for messages
};

struct LabelTable {
  std::vector<std::string> columns; ///< the further columns: age, sex, difficult, site, ...
  std::vector<LabelledCase> cases;  ///< sorted by case_id, ids unique
};

/// Reads tab-separated columns case_id, label and any others; cells may stand in double quotes, and
/// the case of letters counts neither in labels nor in the names case_id, label, age and sex.
/// Columns without a name are ignored. Throws usage errors that name file
/// and line: a missing or repeated column, an unknown label, a case_id that is no case name or
/// occurs twice, a line that is too long, a table without cases.
LabelTable read_label_table(const std::filesystem::path& file);

} // namespace cordlesion::io
