// Reading and checking of label tables.
#include "cordlesion/io/label_table.hpp"

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/core/error.hpp"
#include "cordlesion/io/case_input.hpp"
#include "letter_case.hpp"
#include "table_text.hpp"
#include "text_encoding.hpp"

#include <algorithm>
#include <fstream>
#include <set>

namespace cordlesion::io {
namespace {

constexpr const char* expected_columns =
    "Give tab-separated columns case_id, label and, if wanted, age, sex and others.";

/// What usual tools write for no value.
bool is_not_given(const std::string& cell) {
  const std::string text = lower(cell);
  return text == "n/a" || text == "na" || text == "nan";
}

/// Where the two required columns stand, and the names of the others.
class LabelColumns {
 public:
  LabelColumns(Cells header, const std::string& where) : header_(std::move(header)) {
    for (std::string& name : header_) {
      if (is_known(lower(name))) {
        name = lower(name);
      }
    }
    require_distinct_columns(header_, where, expected_columns);
    for (const char* required : {"case_id", "label"}) {
      if (std::find(header_.begin(), header_.end(), required) == header_.end()) {
        throw usage_error(where + ": column '" + required + "' is missing from the first line; " +
                              found_columns(),
                          expected_columns);
      }
    }
  }

  std::vector<std::string> further() const {
    std::vector<std::string> names;
    for (const std::string& name : header_) {
      if (is_further(name)) {
        names.push_back(to_utf8(name));
      }
    }
    return names;
  }

  /// The row's case, unchecked. Cells missing at the end of a row are empty.
  LabelledCase parse(Cells cells, const std::string& where) const {
    if (cells.size() > header_.size()) {
      throw usage_error(where + ": " + std::to_string(cells.size()) + " cells, " +
                        std::to_string(header_.size()) + " expected");
    }
    cells.resize(header_.size());
    LabelledCase parsed{.case_id = {}, .label = {}, .values = {}, .where = where};
    for (std::size_t i = 0; i < header_.size(); ++i) {
      if (header_[i] == "case_id") {
        parsed.case_id = cells[i];
      } else if (header_[i] == "label") {
        parsed.label = lower(cells[i]);
      } else if (is_further(header_[i])) {
        parsed.values.push_back(is_not_given(cells[i]) ? "" : to_utf8(cells[i]));
      }
    }
    return parsed;
  }

 private:
  std::string found_columns() const {
    std::string text;
    for (const std::string& name : header_) {
      text += (text.empty() ? "found '" : ", '") + to_utf8(name) + "'";
    }
    return text;
  }

  static bool is_known(const std::string& name) {
    return name == "case_id" || name == "label" || name == "age" || name == "sex";
  }

  static bool is_further(const std::string& name) {
    return !name.empty() && name != "case_id" && name != "label";
  }

  Cells header_;
};

void check(const LabelledCase& labelled) {
  if (labelled.case_id.empty() || labelled.case_id != safe_case_id(labelled.case_id)) {
    throw usage_error(labelled.where + ": case_id '" + to_utf8(labelled.case_id) +
                          "' is empty, too long or holds other characters than letters, digits, "
                          "'.', '_' and '-'",
                      "Use the case_id of results.tsv.");
  }
  if (std::find(reference_classes.begin(), reference_classes.end(), labelled.label) ==
      reference_classes.end()) {
    throw usage_error(labelled.where + ": label '" + to_utf8(labelled.label) +
                          "' is unknown; expected astrocytoma, ependymoma, ms, nmosd or healthy",
                      "Correct the label, or leave the case out.");
  }
}

} // namespace

LabelTable read_label_table(const std::filesystem::path& file) {
  std::ifstream in(file);
  const std::string name = to_utf8(file.filename().string());
  std::string line;
  if (!in || !std::getline(in, line)) {
    throw usage_error("label table " + name + " does not exist, cannot be read or is empty",
                      expected_columns);
  }
  const LabelColumns columns(header_cells_of(line, name + ":1"), name + ":1");
  LabelTable table{.columns = columns.further(), .cases = {}};
  std::set<std::string> ids;
  for (std::size_t number = 2; std::getline(in, line); ++number) {
    const std::string where = name + ":" + std::to_string(number);
    Cells cells = cells_of(line, where);
    if (is_blank(cells)) {
      continue;
    }
    LabelledCase labelled = columns.parse(std::move(cells), where);
    check(labelled);
    if (!ids.insert(labelled.case_id).second) {
      throw usage_error(labelled.where + ": case_id '" + labelled.case_id + "' occurs twice");
    }
    table.cases.push_back(std::move(labelled));
  }
  if (table.cases.empty()) {
    throw usage_error("label table " + name + " holds no case");
  }
  std::sort(table.cases.begin(), table.cases.end(),
            [](const LabelledCase& a, const LabelledCase& b) { return a.case_id < b.case_id; });
  return table;
}

} // namespace cordlesion::io
