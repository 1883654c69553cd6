// Counts in messages.
#pragma once

#include <cstddef>
#include <string>

namespace cordlesion {

/// `1 case`, `2 cases`.
std::string counted(std::size_t count, const std::string& noun);

} // namespace cordlesion
