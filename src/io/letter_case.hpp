// Letters of ASCII in one case; other bytes stay as they are.
#pragma once

#include <string>

namespace cordlesion::io {

std::string lower(std::string text);
std::string upper(std::string text);

} // namespace cordlesion::io
