// Splitting of table lines.
#include "table_text.hpp"

#include <algorithm>

namespace cordlesion::io {

Cells cells_of(std::string line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
    line.pop_back();
  }
  Cells cells;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = line.find('\t', begin);
    std::string cell = line.substr(begin, end == std::string::npos ? end : end - begin);
    const std::size_t first = cell.find_first_not_of(' ');
    const std::size_t last = cell.find_last_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    if (end == std::string::npos) {
      return cells;
    }
    begin = end + 1;
  }
}

Cells header_cells_of(const std::string& line) {
  constexpr const char* byte_order_mark = "\xEF\xBB\xBF";
  return cells_of(line.starts_with(byte_order_mark) ? line.substr(3) : line);
}

bool is_blank(const Cells& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const std::string& cell) { return cell.empty(); });
}

} // namespace cordlesion::io
