// Name and version of the program.
#pragma once

#include <string_view>

namespace cordlesion {

std::string_view version(); ///< for example `0.1.0`
std::string_view commit();  ///< `git describe` at configuration time, or `unknown`

} // namespace cordlesion
