// Text of unknown encoding as valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace cordlesion::io {

/// Leaves valid UTF-8 as it is and takes anything else for Latin-1; control characters go.
std::string to_utf8(std::string_view text);

} // namespace cordlesion::io
