// Splitting of table lines.
#include "table_text.hpp"

#include "cordlesion/core/error.hpp"
#include "text_encoding.hpp"

#include <algorithm>
#include <set>

namespace cordlesion::io {

namespace {

/// Ends a path early (NUL), or a line for other readers.
bool is_control(char character) {
  const auto code = static_cast<unsigned char>(character);
  return (code < 0x20 && character != '\t') || code == 0x7F;
}

/// Without the spaces around it.
std::string trimmed(const std::string& cell) {
  const std::size_t first = cell.find_first_not_of(' ');
  const std::size_t last = cell.find_last_not_of(' ');
  return first == std::string::npos ? "" : cell.substr(first, last - first + 1);
}

/// Without the double quotes around it; a quote within stands doubled there.
std::string unquoted(const std::string& cell) {
  if (cell.size() < 2 || cell.front() != '"' || cell.back() != '"') {
    return cell;
  }
  std::string text = cell.substr(1, cell.size() - 2);
  for (std::size_t at = text.find("\"\""); at != std::string::npos;
       at = text.find("\"\"", at + 1)) {
    text.erase(at, 1);
  }
  return text;
}

} // namespace

Cells cells_of(std::string line, const std::string& where) {
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
    line.pop_back();
  }
  if (std::any_of(line.begin(), line.end(), is_control)) {
    throw usage_error(where + ": a control character within the line, text and tabs expected",
                      "save the table as UTF-8 text with one case per line");
  }
  Cells cells;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = line.find('\t', begin);
    const std::string cell = line.substr(begin, end == std::string::npos ? end : end - begin);
    cells.push_back(trimmed(unquoted(trimmed(cell))));
    if (end == std::string::npos) {
      return cells;
    }
    begin = end + 1;
  }
}

Cells header_cells_of(const std::string& line, const std::string& where) {
  constexpr const char* byte_order_mark = "\xEF\xBB\xBF";
  return cells_of(line.starts_with(byte_order_mark) ? line.substr(3) : line, where);
}

bool is_blank(const Cells& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const std::string& cell) { return cell.empty(); });
}

void require_distinct_columns(const Cells& header, const std::string& where,
                              const std::string& hint) {
  std::set<std::string> seen;
  for (const std::string& name : header) {
    if (!name.empty() && !seen.insert(name).second) {
      throw usage_error(where + ": column '" + to_utf8(name) + "' occurs twice", hint);
    }
  }
}

} // namespace cordlesion::io
