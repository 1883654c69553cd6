// How well one node of the cascade tells its two classes apart.
#pragma once

#include "cordlesion/core/calibration.hpp"
#include "cordlesion/core/roc.hpp"
#include "cordlesion/core/statistics.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace cordlesion {

/// Cases by true class (second: positive) and decision.
struct BinaryCounts {
  std::size_t true_positive = 0;
  std::size_t false_negative = 0;
  std::size_t true_negative = 0;
  std::size_t false_positive = 0;
};

/// Precision is `ppv`, recall is `sensitivity`.
enum class BinaryMetric { accuracy, sensitivity, specificity, ppv, npv, f1 };

inline constexpr std::array all_binary_metrics{BinaryMetric::accuracy,    BinaryMetric::sensitivity,
                                               BinaryMetric::specificity, BinaryMetric::ppv,
                                               BinaryMetric::npv,         BinaryMetric::f1};

std::string_view to_string(BinaryMetric metric);

/// The metric as numerator and denominator; F1 as 2 TP / (2 TP + FP + FN).
Proportion proportion_of(BinaryMetric metric, const BinaryCounts& counts);

struct MetricEstimate {
  Proportion counts;
  std::optional<Interval> wilson;    ///< none of F1, which counts no independent cases
  std::optional<Interval> bootstrap; ///< over the resamples in which the metric is defined
};

/// The second class is decided if its probability is at least the threshold.
struct OperatingPoint {
  std::optional<double> threshold; ///< none if the cases' own thresholds differ
  BinaryCounts counts;
  std::map<BinaryMetric, MetricEstimate> metrics;
};

/// A case with the threshold that the model package (or an option) decided it by.
struct NodeCase {
  ScoredCase scored;
  double package_threshold = 0.5;
};

struct NodePerformance {
  std::size_t positives = 0;
  std::size_t negatives = 0;
  std::optional<double> auc;
  std::optional<Interval> auc_delong;
  std::optional<Interval> auc_bootstrap;
  OperatingPoint at_half; ///< threshold 0.5
  OperatingPoint at_package;
  /// Optimistic: the threshold is chosen on the cases it is scored on, and its intervals take it as
  /// given. None unless both classes are present.
  std::optional<OperatingPoint> at_youden;
  std::vector<RocPoint> roc;
  std::optional<Calibration> calibration;
};

/// All intervals are of 95%; bootstrap resamples are drawn within each class (stratified), and all
/// metrics use the same resamples.
NodePerformance node_performance(const std::vector<NodeCase>& cases, const Bootstrap& bootstrap);

} // namespace cordlesion
