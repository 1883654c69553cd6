// Checks of numbers on the command line; unlike CLI11's own they refuse NaN.
#pragma once

#include <CLI/CLI.hpp>

#include <charconv>
#include <string>

namespace cordlesion::cli {

/// Accepts decimal numbers from `low` to `high`, both included.
inline CLI::Validator number_between(double low, double high) {
  const auto check = [low, high](const std::string& text) -> std::string {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    const bool inside = failure == std::errc() && stop == end && value >= low && value <= high;
    return inside ? ""
                  : "expected a number from " + CLI::detail::to_string(low) + " to " +
                        CLI::detail::to_string(high) + ", found " + text;
  };
  return CLI::Validator(check, "NUMBER");
}

} // namespace cordlesion::cli
