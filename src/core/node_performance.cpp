// Metrics of a node at its operating points, with their intervals.
#include "cordlesion/core/node_performance.hpp"

#include <algorithm>
#include <functional>

namespace cordlesion {
namespace {

using Decisions = std::vector<bool>; ///< per case: the second class was decided

void add(BinaryCounts& counts, bool positive, bool decided_positive) {
  if (positive) {
    ++(decided_positive ? counts.true_positive : counts.false_negative);
  } else {
    ++(decided_positive ? counts.false_positive : counts.true_negative);
  }
}

std::vector<ScoredCase> scored_cases(const std::vector<NodeCase>& cases) {
  std::vector<ScoredCase> scored;
  scored.reserve(cases.size());
  for (const NodeCase& one : cases) {
    scored.push_back(one.scored);
  }
  return scored;
}

Decisions decide_all(const std::vector<NodeCase>& cases,
                     const std::function<double(const NodeCase&)>& threshold) {
  Decisions decisions;
  for (const NodeCase& one : cases) {
    decisions.push_back(one.scored.probability >= threshold(one));
  }
  return decisions;
}

/// The threshold that all cases share; without a case the usual one.
std::optional<double> shared_package_threshold(const std::vector<NodeCase>& cases) {
  const double first = cases.empty() ? 0.5 : cases.front().package_threshold;
  const bool same = std::all_of(cases.begin(), cases.end(), [&](const NodeCase& one) {
    return one.package_threshold == first;
  });
  return same ? std::optional(first) : std::nullopt;
}

OperatingPoint operating_point(const std::vector<NodeCase>& cases, const Decisions& decisions,
                               std::optional<double> threshold) {
  OperatingPoint point{.threshold = threshold, .counts = {}, .metrics = {}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    add(point.counts, cases[i].scored.positive, decisions[i]);
  }
  for (const BinaryMetric metric : all_binary_metrics) {
    const Proportion counts = proportion_of(metric, point.counts);
    point.metrics[metric] = {.counts = counts,
                             .wilson = metric == BinaryMetric::f1 ? std::nullopt
                                                                  : wilson_interval(counts),
                             .bootstrap = std::nullopt};
  }
  return point;
}

/// One operating point with the values of its metrics over the resamples.
struct Resampled {
  OperatingPoint* point;
  Decisions decisions;
  std::map<BinaryMetric, std::vector<double>> values;

  void note(const BinaryCounts& counts) {
    for (const BinaryMetric metric : all_binary_metrics) {
      if (const auto value = value_of(proportion_of(metric, counts))) {
        values[metric].push_back(*value);
      }
    }
  }
};

/// Draws resamples within the classes: as many cases of each as there are.
class StratifiedResampler {
 public:
  StratifiedResampler(const std::vector<NodeCase>& cases, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      (cases[i].scored.positive ? classes_[1] : classes_[0]).push_back(i);
    }
  }

  /// Indices of the cases of one resample.
  void draw(std::vector<std::size_t>& indices) {
    indices.clear();
    for (const std::vector<std::size_t>& members : classes_) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        indices.push_back(members[random_.below(members.size())]);
      }
    }
  }

 private:
  RandomIndex random_;
  std::array<std::vector<std::size_t>, 2> classes_;
};

/// The area under the curve of resamples, in one pass over the cases' ranks.
class ResampledArea {
 public:
  explicit ResampledArea(const std::vector<NodeCase>& cases) {
    std::vector<double> distinct;
    distinct.reserve(cases.size());
    for (const NodeCase& one : cases) {
      distinct.push_back(one.scored.probability);
    }
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const NodeCase& one : cases) {
      const auto at = std::lower_bound(distinct.begin(), distinct.end(), one.scored.probability);
      rank_.push_back(static_cast<std::size_t>(at - distinct.begin()));
    }
    drawn_.resize(distinct.size());
  }

  double of(const std::vector<NodeCase>& cases, const std::vector<std::size_t>& indices) {
    std::fill(drawn_.begin(), drawn_.end(), std::array<double, 2>{});
    for (const std::size_t i : indices) {
      drawn_[rank_[i]][cases[i].scored.positive ? 1 : 0] += 1;
    }
    double negatives = 0;
    double positives = 0;
    double won_pairs = 0;
    for (const auto& [negative, positive] : drawn_) {
      won_pairs += positive * (negatives + negative / 2);
      negatives += negative;
      positives += positive;
    }
    return won_pairs / (positives * negatives);
  }

 private:
  std::vector<std::size_t> rank_;            ///< per case, of its probability
  std::vector<std::array<double, 2>> drawn_; ///< per rank: negatives and positives
};

void add_bootstrap(NodePerformance& performance, const std::vector<NodeCase>& cases,
                   std::vector<Resampled> points, const Bootstrap& bootstrap) {
  StratifiedResampler resampler(cases, bootstrap.seed);
  ResampledArea area(cases);
  std::vector<double> areas;
  std::vector<std::size_t> indices;
  for (std::size_t resample = 0; resample < bootstrap.resamples; ++resample) {
    resampler.draw(indices);
    for (Resampled& point : points) {
      BinaryCounts counts;
      for (const std::size_t i : indices) {
        add(counts, cases[i].scored.positive, point.decisions[i]);
      }
      point.note(counts);
    }
    if (performance.auc) {
      areas.push_back(area.of(cases, indices));
    }
  }
  performance.auc_bootstrap = percentile_interval(std::move(areas));
  for (Resampled& point : points) {
    for (auto& [metric, values] : point.values) {
      point.point->metrics[metric].bootstrap = percentile_interval(std::move(values));
    }
  }
}

} // namespace

std::string_view to_string(BinaryMetric metric) {
  switch (metric) {
  case BinaryMetric::accuracy:
    return "accuracy";
  case BinaryMetric::sensitivity:
    return "sensitivity";
  case BinaryMetric::specificity:
    return "specificity";
  case BinaryMetric::ppv:
    return "ppv";
  case BinaryMetric::npv:
    return "npv";
  case BinaryMetric::f1:
    return "f1";
  }
  return "unknown";
}

Proportion proportion_of(BinaryMetric metric, const BinaryCounts& counts) {
  const auto& [tp, fn, tn, fp] = counts;
  switch (metric) {
  case BinaryMetric::accuracy:
    return {tp + tn, tp + fn + tn + fp};
  case BinaryMetric::sensitivity:
    return {tp, tp + fn};
  case BinaryMetric::specificity:
    return {tn, tn + fp};
  case BinaryMetric::ppv:
    return {tp, tp + fp};
  case BinaryMetric::npv:
    return {tn, tn + fn};
  case BinaryMetric::f1:
    return {2 * tp, 2 * tp + fp + fn};
  }
  return {};
}

NodePerformance node_performance(const std::vector<NodeCase>& cases, const Bootstrap& bootstrap) {
  const std::vector<ScoredCase> scored = scored_cases(cases);
  NodePerformance performance;
  performance.positives = static_cast<std::size_t>(
      std::count_if(scored.begin(), scored.end(), [](const ScoredCase& c) { return c.positive; }));
  performance.negatives = cases.size() - performance.positives;
  performance.auc = area_under_curve(scored);
  performance.auc_delong = delong_interval(scored);
  performance.roc = roc_curve(scored);
  performance.calibration = calibration_of(scored);

  const Decisions at_half = decide_all(cases, [](const NodeCase&) { return 0.5; });
  performance.at_half = operating_point(cases, at_half, 0.5);
  const Decisions at_package =
      decide_all(cases, [](const NodeCase& one) { return one.package_threshold; });
  performance.at_package = operating_point(cases, at_package, shared_package_threshold(cases));
  std::vector<Resampled> points{{&performance.at_half, at_half, {}},
                                {&performance.at_package, at_package, {}}};
  if (const auto threshold = youden_threshold(scored)) {
    const Decisions at_youden = decide_all(cases, [&](const NodeCase&) { return *threshold; });
    performance.at_youden = operating_point(cases, at_youden, threshold);
    points.push_back({&*performance.at_youden, at_youden, {}});
  }
  add_bootstrap(performance, cases, std::move(points), bootstrap);
  return performance;
}

} // namespace cordlesion
