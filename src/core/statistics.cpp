// Proportions, quantiles, and the resampling of means.
#include "cordlesion/core/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace cordlesion {

std::optional<double> value_of(const Proportion& proportion) {
  if (proportion.denominator == 0) {
    return std::nullopt;
  }
  return static_cast<double>(proportion.numerator) / static_cast<double>(proportion.denominator);
}

std::optional<Interval> wilson_interval(const Proportion& proportion) {
  const std::optional<double> p = value_of(proportion);
  if (!p) {
    return std::nullopt;
  }
  const auto n = static_cast<double>(proportion.denominator);
  const double z2 = normal_quantile_975 * normal_quantile_975;
  const double centre = (*p + z2 / (2 * n)) / (1 + z2 / n);
  const double half =
      normal_quantile_975 / (1 + z2 / n) * std::sqrt(*p * (1 - *p) / n + z2 / (4 * n * n));
  // At 0 and 1 the bounds are exact; rounding would leave them beside.
  return Interval{*p == 0 ? 0 : std::max(0.0, centre - half),
                  *p == 1 ? 1 : std::min(1.0, centre + half)};
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double sample_variance(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  return squares / static_cast<double>(values.size() - 1);
}

double quantile_of_sorted(const std::vector<double>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::optional<Interval> percentile_interval(std::vector<double> values) {
  if (values.empty()) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end());
  return Interval{quantile_of_sorted(values, 0.025), quantile_of_sorted(values, 0.975)};
}

std::size_t RandomIndex::below(std::size_t count) {
  // Values of the incomplete last block are drawn again, so that every index is equally likely.
  const auto n = static_cast<std::uint64_t>(count);
  const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / n * n;
  std::uint64_t value = engine_();
  while (value >= limit) {
    value = engine_();
  }
  return static_cast<std::size_t>(value % n);
}

std::optional<Summary> summarise(std::vector<double> values, const Bootstrap& bootstrap) {
  if (values.empty()) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end());
  Summary summary;
  summary.count = values.size();
  summary.mean = mean_of(values);
  if (values.size() > 1) {
    summary.sd = std::sqrt(sample_variance(values));
  }
  summary.minimum = values.front();
  summary.first_quartile = quantile_of_sorted(values, 0.25);
  summary.median = quantile_of_sorted(values, 0.5);
  summary.third_quartile = quantile_of_sorted(values, 0.75);
  summary.maximum = values.back();
  RandomIndex random(bootstrap.seed);
  std::vector<double> means(bootstrap.resamples);
  for (double& mean : means) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      mean += values[random.below(values.size())];
    }
    mean /= static_cast<double>(values.size());
  }
  summary.mean_interval = percentile_interval(std::move(means));
  return summary;
}

} // namespace cordlesion
