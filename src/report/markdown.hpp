// Tables and text of Markdown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cordlesion::report {

/// Text that is not ours, with what Markdown or HTML would take for a mark escaped.
inline std::string markdown_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\\`*_<>[]#~&").find(c) != std::string_view::npos) {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

/// A table row; bars in cells are escaped.
inline std::string markdown_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) {
    row += ' ';
    for (const char c : cell) {
      if (c == '|') {
        row += '\\';
      }
      row += c;
    }
    row += " |";
  }
  return row + '\n';
}

/// The first row of a table and the line under it.
inline std::string markdown_header(const std::vector<std::string>& cells) {
  return '\n' + markdown_row(cells) + markdown_row(std::vector<std::string>(cells.size(), "---"));
}

} // namespace cordlesion::report
