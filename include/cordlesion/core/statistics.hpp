// Small statistics shared by the measures of an evaluation: proportions, quantiles, intervals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace cordlesion {

/// 97.5% quantile of the standard normal distribution: all intervals are of 95%.
inline constexpr double normal_quantile_975 = 1.959963984540054;

struct Interval {
  double low = 0;
  double high = 0;
};

/// `numerator` of `denominator`.
struct Proportion {
  std::size_t numerator = 0;
  std::size_t denominator = 0;
};

/// None of an empty denominator.
std::optional<double> value_of(const Proportion& proportion);

/// Wilson's score interval without continuity correction (Wilson 1927); none of an empty
/// denominator.
std::optional<Interval> wilson_interval(const Proportion& proportion);

/// Of at least one value.
double mean_of(const std::vector<double>& values);

/// Sum of squared deviations from the mean divided by n - 1, of at least two values.
double sample_variance(const std::vector<double>& values);

/// Quantile `q` (0 to 1) of ascending values, at least one: linear between order statistics
/// (Hyndman and Fan's type 7, the default of R and NumPy).
double quantile_of_sorted(const std::vector<double>& sorted, double q);

/// How intervals are resampled.
struct Bootstrap {
  std::size_t resamples = 1000; ///< 0: no bootstrap intervals
  std::uint64_t seed = 1;
};

/// 2.5% and 97.5% quantiles; none without a value.
std::optional<Interval> percentile_interval(std::vector<double> values);

/// Random indices that are the same on every platform for a seed: the standard fixes the engine,
/// but not its distributions.
class RandomIndex {
 public:
  explicit RandomIndex(std::uint64_t seed) : engine_(seed) {}
  /// Uniform from 0 to `count` - 1; `count` is at least 1.
  std::size_t below(std::size_t count);

 private:
  std::mt19937_64 engine_;
};

/// A distribution of one value per case.
struct Summary {
  std::size_t count = 0;
  double mean = 0;
  std::optional<double> sd; ///< sample standard deviation; none of a single value
  double minimum = 0;
  double first_quartile = 0;
  double median = 0;
  double third_quartile = 0;
  double maximum = 0;
  std::optional<Interval> mean_interval; ///< bootstrap percentile interval of the mean
};

/// None without a value.
std::optional<Summary> summarise(std::vector<double> values, const Bootstrap& bootstrap);

} // namespace cordlesion
