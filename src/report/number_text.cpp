// Formatting of numbers.
#include "number_text.hpp"

#include "cordlesion/core/exact_text.hpp"

#include <array>
#include <cstdio>

namespace cordlesion::report {

std::string fixed_text(double value, int digits) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
  return buffer.data();
}

std::string fixed_text(const std::optional<double>& value, int digits) {
  return value ? fixed_text(*value, digits) : std::string(undefined_text);
}

std::string percent_text(const Proportion& proportion) {
  const auto value = value_of(proportion);
  return value ? fixed_text(100 * *value, 0) + "%" : std::string(undefined_text);
}

std::string counted_text(const Proportion& proportion) {
  return percent_text(proportion) + " (" + std::to_string(proportion.numerator) + "/" +
         std::to_string(proportion.denominator) + ")";
}

std::string counted_text(const Proportion& proportion, const std::optional<Interval>& interval) {
  return counted_text(proportion) + ", " + percent_interval_text(interval);
}

std::string percent_interval_text(const std::optional<Interval>& interval) {
  return interval
             ? fixed_text(100 * interval->low, 0) + "-" + fixed_text(100 * interval->high, 0) + "%"
             : std::string(undefined_text);
}

std::string interval_text(const std::optional<Interval>& interval, int digits) {
  return interval ? fixed_text(interval->low, digits) + "-" + fixed_text(interval->high, digits)
                  : std::string(undefined_text);
}

std::string exact_text(const std::optional<double>& value) {
  return value ? cordlesion::exact_text(*value) : std::string(undefined_text);
}

} // namespace cordlesion::report
