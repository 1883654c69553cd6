// Shortest texts of numbers.
#include "cordlesion/core/exact_text.hpp"

#include <array>
#include <charconv>

namespace cordlesion {

std::string exact_text(double value) {
  std::array<char, 32> text{}; // the longest takes 24
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

} // namespace cordlesion
