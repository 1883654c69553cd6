// Numbers as text without loss.
#pragma once

#include <string>

namespace cordlesion {

/// The shortest decimal text that reads back as the same number.
std::string exact_text(double value);

} // namespace cordlesion
