// Lines of tab-separated tables as cells.
#pragma once

#include <string>
#include <vector>

namespace cordlesion::io {

using Cells = std::vector<std::string>;

/// The cells of a line, without line end and the spaces and double quotes around each. Throws a
/// usage error that begins with `where` if the line holds control characters.
Cells cells_of(std::string line, const std::string& where);
/// The same of a table's first line, without the byte order mark of spreadsheet programs.
Cells header_cells_of(const std::string& line, const std::string& where);

bool is_blank(const Cells& cells);

/// Throws a usage error with `hint` if two columns of a header have one name; empty names are none.
void require_distinct_columns(const Cells& header, const std::string& where,
                              const std::string& hint);

} // namespace cordlesion::io
