// Numbers in messages.
#pragma once

#include <cstdio>
#include <string>

namespace cordlesion::io {

/// Decimal text with at most `digits` digits after the point, without trailing zeros.
inline std::string number_text(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  std::string text(buffer);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    text.erase(text.find_last_not_of('.') + 1);
  }
  return text == "-0" ? "0" : text;
}

} // namespace cordlesion::io
