// ROC curve, its area, DeLong's interval and Youden's index.
#include "cordlesion/core/roc.hpp"

#include <algorithm>
#include <cmath>

namespace cordlesion {
namespace {

/// Probabilities of one class.
std::vector<double> probabilities_of(const std::vector<ScoredCase>& cases, bool positive) {
  std::vector<double> values;
  for (const ScoredCase& scored : cases) {
    if (scored.positive == positive) {
      values.push_back(scored.probability);
    }
  }
  return values;
}

/// For each of `values` the share of `others` below it, equal ones counting half: the structural
/// components of DeLong. `others` holds at least one value.
std::vector<double> shares_below(const std::vector<double>& values, std::vector<double> others) {
  std::sort(others.begin(), others.end());
  std::vector<double> shares;
  shares.reserve(values.size());
  for (const double value : values) {
    const auto [first, last] = std::equal_range(others.begin(), others.end(), value);
    const auto below = static_cast<double>(first - others.begin());
    const auto equal = static_cast<double>(last - first);
    shares.push_back((below + equal / 2) / static_cast<double>(others.size()));
  }
  return shares;
}

} // namespace

std::vector<RocPoint> roc_curve(const std::vector<ScoredCase>& cases) {
  std::vector<ScoredCase> sorted = cases;
  std::sort(sorted.begin(), sorted.end(),
            [](const ScoredCase& a, const ScoredCase& b) { return a.probability > b.probability; });
  const auto positives = static_cast<double>(probabilities_of(cases, true).size());
  const double negatives = static_cast<double>(cases.size()) - positives;
  std::vector<RocPoint> curve;
  if (positives == 0 || negatives == 0) {
    return curve;
  }
  double true_positives = 0;
  double false_positives = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    (sorted[i].positive ? true_positives : false_positives) += 1;
    if (i + 1 == sorted.size() || sorted[i + 1].probability != sorted[i].probability) {
      curve.push_back(
          {sorted[i].probability, true_positives / positives, false_positives / negatives});
    }
  }
  return curve;
}

std::optional<double> area_under_curve(const std::vector<ScoredCase>& cases) {
  const std::vector<double> positives = probabilities_of(cases, true);
  const std::vector<double> negatives = probabilities_of(cases, false);
  if (positives.empty() || negatives.empty()) {
    return std::nullopt;
  }
  return mean_of(shares_below(positives, negatives));
}

std::optional<Interval> delong_interval(const std::vector<ScoredCase>& cases) {
  const std::vector<double> positives = probabilities_of(cases, true);
  const std::vector<double> negatives = probabilities_of(cases, false);
  if (positives.size() < 2 || negatives.size() < 2) {
    return std::nullopt;
  }
  const std::vector<double> of_positives = shares_below(positives, negatives);
  const std::vector<double> of_negatives = shares_below(negatives, positives);
  const double variance = sample_variance(of_positives) / static_cast<double>(positives.size()) +
                          sample_variance(of_negatives) / static_cast<double>(negatives.size());
  const double area = mean_of(of_positives);
  const double half = normal_quantile_975 * std::sqrt(variance);
  return Interval{std::max(0.0, area - half), std::min(1.0, area + half)};
}

std::optional<double> youden_threshold(const std::vector<ScoredCase>& cases) {
  std::optional<double> threshold;
  double best = 0;
  for (const RocPoint& point : roc_curve(cases)) {
    const double index = point.sensitivity - point.false_positive_rate;
    // Equal shares may differ in the last bit.
    if (!threshold || index > best + 1e-12) {
      threshold = point.threshold;
      best = index;
    }
  }
  return threshold;
}

} // namespace cordlesion
