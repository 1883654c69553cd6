// The receiver operating characteristic of probabilities against true classes.
#pragma once

#include "cordlesion/core/statistics.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace cordlesion {

/// One case at a node: the probability of its second class, and whether that is the true class.
struct ScoredCase {
  double probability = 0;
  bool positive = false;
};

/// Share of the positives and of the negatives whose probability is at least `threshold`.
struct RocPoint {
  double threshold = 0;
  double sensitivity = 0;
  double false_positive_rate = 0;
};

/// One point for each distinct probability, descending; empty unless both classes are present.
/// The corner (0, 0), above every probability, is left out.
std::vector<RocPoint> roc_curve(const std::vector<ScoredCase>& cases);

/// Area under the curve: the share of pairs of a positive and a negative case in which the positive
/// has the higher probability, ties counting half (Mann and Whitney). None unless both classes are
/// present.
std::optional<double> area_under_curve(const std::vector<ScoredCase>& cases);

/// Its 95% interval by DeLong et al. 1988 (variance from midranks, Sun and Xu 2014), normal,
/// clipped to [0, 1]. None with fewer than two cases of a class. Of a perfect separation the
/// variance is 0 and the interval a point.
std::optional<Interval> delong_interval(const std::vector<ScoredCase>& cases);

/// The observed probability that, as a cut-off, has the largest sensitivity + specificity - 1; the
/// highest if several do. None unless both classes are present.
std::optional<double> youden_threshold(const std::vector<ScoredCase>& cases);

} // namespace cordlesion
