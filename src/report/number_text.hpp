// Numbers for readers: percentages with their counts, intervals, and n/a for what is undefined.
#pragma once

#include "cordlesion/core/statistics.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cordlesion::report {

inline constexpr std::string_view undefined_text = "n/a";

std::string fixed_text(double value, int digits);
std::string fixed_text(const std::optional<double>& value, int digits);

/// `96%`, or n/a.
std::string percent_text(const Proportion& proportion);
/// `96% (150/157)`, or `n/a (0/0)`.
std::string counted_text(const Proportion& proportion);
/// `96% (150/157), 91-98%`: with an interval.
std::string counted_text(const Proportion& proportion, const std::optional<Interval>& interval);
/// `91-98%`, or n/a.
std::string percent_interval_text(const std::optional<Interval>& interval);
/// `0.97-1.00`, or n/a.
std::string interval_text(const std::optional<Interval>& interval, int digits);

/// The shortest decimal text that reads back as the same number; n/a of none.
std::string exact_text(const std::optional<double>& value);

} // namespace cordlesion::report
