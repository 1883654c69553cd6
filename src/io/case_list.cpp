// Case lists: tables that name the cases, their images and their masks.
#include "case_list.hpp"

#include "cordlesion/io/case_input.hpp"
#include "relative_name.hpp"
#include "table_text.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

/// Which column holds what.
class Columns {
 public:
  Columns(Cells header, const std::string& where) : header_(std::move(header)) {
    require_distinct_columns(header_, where, "give every column a name of its own");
    for (const char* required : {"case_id", "image"}) {
      if (!has(required)) {
        throw usage_error(where + ": column '" + required + "' is missing from the first line",
                          "give tab-separated columns case_id, image and, if wanted, mask");
      }
    }
  }

  bool has(const std::string& name) const {
    return std::find(header_.begin(), header_.end(), name) != header_.end();
  }

  std::string value(const Cells& cells, const std::string& name) const {
    const auto at = std::find(header_.begin(), header_.end(), name) - header_.begin();
    return static_cast<std::size_t>(at) < cells.size() ? cells[static_cast<std::size_t>(at)] : "";
  }

  std::size_t count() const { return header_.size(); }

  /// The columns that mean nothing here.
  std::vector<std::pair<std::string, std::string>> extras(const Cells& cells) const {
    static constexpr std::array<std::string_view, 4> known{"case_id", "image", "mask", "t1c"};
    std::vector<std::pair<std::string, std::string>> found;
    for (const std::string& name : header_) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        found.emplace_back(name, value(cells, name));
      }
    }
    return found;
  }

 private:
  Cells header_;
};

fs::path existing(const std::string& cell, const char* column, const fs::path& folder,
                  const std::string& where) {
  const fs::path path = fs::path(cell).is_absolute() ? fs::path(cell) : folder / cell;
  std::error_code error;
  if (cell.empty() || !fs::exists(path, error)) {
    throw usage_error(where + ": " + column + " '" + relative_name(path, folder) +
                          "' does not exist",
                      "paths are absolute or relative to the folder of the list");
  }
  return path; // as it stands: what ".." leads to depends on links
}

ListedCase parse_row(const Columns& columns, const Cells& cells, const fs::path& folder,
                     const std::string& where) {
  if (cells.size() > columns.count()) {
    throw usage_error(where + ": " + std::to_string(cells.size()) + " cells, " +
                      std::to_string(columns.count()) + " expected");
  }
  ListedCase listed;
  listed.where = where;
  listed.case_id = columns.value(cells, "case_id");
  if (listed.case_id.empty() || listed.case_id != safe_case_id(listed.case_id)) {
    throw usage_error(where + ": case_id '" + to_utf8(listed.case_id) +
                          "' is empty, too long or holds other characters than letters, digits, "
                          "'.', '_' and '-'",
                      "for example '" + safe_case_id(listed.case_id) + "'");
  }
  listed.image = existing(columns.value(cells, "image"), "image", folder, where);
  listed.extra_columns = columns.extras(cells);
  const std::string mask = columns.value(cells, "mask");
  if (!mask.empty() && mask != "n/a") {
    listed.mask = existing(mask, "mask", folder, where);
    if (!fs::is_regular_file(*listed.mask)) {
      throw usage_error(where + ": the mask is not a file");
    }
  }
  return listed;
}

} // namespace

CaseList read_case_list(const fs::path& file) {
  std::ifstream in(file);
  const std::string name = to_utf8(file.filename().string());
  std::string line;
  if (!in || !std::getline(in, line)) {
    throw usage_error("case list " + name + " does not exist, cannot be read or is empty");
  }
  const Columns columns(header_cells_of(line, name + ":1"), name + ":1");
  CaseList list;
  if (columns.has("t1c")) {
    list.warnings.push_back({"t1c_ignored", name + ": column t1c is not used by this version"});
  }
  const fs::path folder = fs::absolute(file).parent_path();
  std::set<std::string> ids;
  for (std::size_t number = 2; std::getline(in, line); ++number) {
    const std::string where = name + ":" + std::to_string(number);
    const Cells cells = cells_of(line, where);
    if (is_blank(cells)) {
      continue;
    }
    list.cases.push_back(parse_row(columns, cells, folder, where));
    if (!ids.insert(list.cases.back().case_id).second) {
      throw usage_error(where + ": case_id '" + list.cases.back().case_id + "' occurs twice");
    }
  }
  return list;
}

} // namespace cordlesion::io
