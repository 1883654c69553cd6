// ROC, DeLong, Youden, calibration and the metrics of a node, on cases small enough to work out by
// hand.
#include "cordlesion/core/node_performance.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

namespace cordlesion {
namespace {

std::vector<ScoredCase> scored(const std::vector<double>& negatives,
                               const std::vector<double>& positives) {
  std::vector<ScoredCase> cases;
  for (const double p : negatives) {
    cases.push_back({p, false});
  }
  for (const double p : positives) {
    cases.push_back({p, true});
  }
  return cases;
}

std::vector<NodeCase> node_cases(const std::vector<ScoredCase>& cases, double threshold = 0.5) {
  std::vector<NodeCase> all;
  for (const ScoredCase& one : cases) {
    all.push_back({one, threshold});
  }
  return all;
}

TEST(AreaUnderCurve, CountsPairsAndTiesHalf) {
  // Pairs won: 0.4 beats 0.1, 0.2; 0.4 ties 0.4; 0.9 beats all three: 5.5 of 6.
  EXPECT_DOUBLE_EQ(*area_under_curve(scored({0.1, 0.2, 0.4}, {0.4, 0.9})), 5.5 / 6);
  EXPECT_DOUBLE_EQ(*area_under_curve(scored({0.9}, {0.1})), 0);
}

TEST(AreaUnderCurve, NeedsBothClasses) {
  EXPECT_FALSE(area_under_curve(scored({0.1, 0.2}, {})));
  EXPECT_FALSE(area_under_curve(scored({}, {0.1})));
  EXPECT_FALSE(area_under_curve({}));
}

TEST(DeLong, HasTheVarianceOfItsStructuralComponents) {
  // Components of the positives 0.4 and 0.9: 5/6 and 1; of the negatives (share of positives above)
  // 1, 1 and 3/4. Variances 1/72 and 1/48: variance 1/144 + 1/144 = 1/72.
  const auto interval = delong_interval(scored({0.1, 0.2, 0.4}, {0.4, 0.9}));
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 5.5 / 6 - 1.959963984540054 * std::sqrt(1.0 / 72), 1e-12);
  EXPECT_EQ(interval->high, 1) << "clipped";
}

TEST(DeLong, NeedsTwoCasesOfEachClass) {
  EXPECT_FALSE(delong_interval(scored({0.1, 0.2}, {0.9})));
  EXPECT_FALSE(delong_interval(scored({0.1}, {0.8, 0.9})));
}

TEST(RocCurve, HasAPointPerDistinctProbability) {
  const auto curve = roc_curve(scored({0.1, 0.4}, {0.4, 0.9}));
  ASSERT_EQ(curve.size(), 3U);
  EXPECT_EQ(curve[0].threshold, 0.9);
  EXPECT_EQ(curve[0].sensitivity, 0.5);
  EXPECT_EQ(curve[1].sensitivity, 1);
  EXPECT_EQ(curve[1].false_positive_rate, 0.5);
  EXPECT_EQ(curve[2].false_positive_rate, 1);
}

TEST(Youden, TakesTheHighestOfTheBestCutOffs) {
  // At 0.6 sensitivity 1/2, specificity 1; at 0.3 sensitivity 1, specificity 1/2: equal indices.
  EXPECT_EQ(youden_threshold(scored({0.1, 0.5}, {0.3, 0.6})), 0.6);
  EXPECT_EQ(youden_threshold(scored({0.2, 0.3}, {0.7, 0.8})), 0.7);
  EXPECT_FALSE(youden_threshold(scored({0.2}, {})));
}

TEST(Calibration, IsPerfectOnlyWhereProbabilitiesAreTheShares) {
  const auto calibration = calibration_of(scored({0.25, 0.25, 0.25, 1}, {0.25}));
  ASSERT_TRUE(calibration);
  EXPECT_DOUBLE_EQ(calibration->brier, (3 * 0.0625 + 1 + 0.5625) / 5);
  EXPECT_DOUBLE_EQ(calibration->ece, 0.2) << "the bin of 0.25 is right, the case at 1 is wrong";
  EXPECT_EQ(calibration->bins.size(), 10U);
  EXPECT_EQ(calibration->bins[2].cases, 4U);
  EXPECT_EQ(calibration->bins[9].cases, 1U);
  EXPECT_FALSE(calibration->bins[0].observed_share);
  EXPECT_FALSE(calibration_of({}));
}

TEST(BinaryMetrics, AreTheirRatiosOrUndefined) {
  const BinaryCounts counts{
      .true_positive = 6, .false_negative = 2, .true_negative = 3, .false_positive = 1};
  const auto value = [&](BinaryMetric metric) { return *value_of(proportion_of(metric, counts)); };
  EXPECT_DOUBLE_EQ(value(BinaryMetric::accuracy), 9.0 / 12);
  EXPECT_DOUBLE_EQ(value(BinaryMetric::sensitivity), 6.0 / 8);
  EXPECT_DOUBLE_EQ(value(BinaryMetric::specificity), 3.0 / 4);
  EXPECT_DOUBLE_EQ(value(BinaryMetric::ppv), 6.0 / 7);
  EXPECT_DOUBLE_EQ(value(BinaryMetric::npv), 3.0 / 5);
  EXPECT_DOUBLE_EQ(value(BinaryMetric::f1), 12.0 / 15);
  const BinaryCounts no_positives{.true_negative = 3};
  EXPECT_FALSE(value_of(proportion_of(BinaryMetric::sensitivity, no_positives)));
  EXPECT_FALSE(value_of(proportion_of(BinaryMetric::ppv, no_positives)));
  EXPECT_FALSE(value_of(proportion_of(BinaryMetric::f1, no_positives)));
}

TEST(NodePerformance, DecidesAtEachCutOff) {
  const auto performance =
      node_performance(node_cases(scored({0.1, 0.55}, {0.45, 0.9}), 0.4), {.resamples = 100});
  EXPECT_EQ(performance.positives, 2U);
  EXPECT_EQ(performance.at_half.counts.true_positive, 1U);
  EXPECT_EQ(performance.at_package.counts.true_positive, 2U);
  EXPECT_EQ(performance.at_package.threshold, 0.4);
  ASSERT_TRUE(performance.at_youden);
  EXPECT_EQ(performance.at_youden->threshold, 0.9);
  EXPECT_EQ(performance.at_youden->counts.false_positive, 0U);
}

TEST(NodePerformance, DecidesTheSecondClassAtTheThresholdItself) {
  const auto performance = node_performance(node_cases(scored({}, {0.5, 0.4}), 0.4), {});
  EXPECT_EQ(performance.at_half.counts.true_positive, 1U);
  EXPECT_EQ(performance.at_package.counts.true_positive, 2U);
}

TEST(NodePerformance, ResampledAreasCountTiesHalf) {
  const auto performance = node_performance(node_cases(scored({0.3, 0.3}, {0.3, 0.3, 0.3})), {});
  EXPECT_EQ(performance.auc, 0.5);
  EXPECT_EQ(performance.auc_bootstrap->low, 0.5);
  EXPECT_EQ(performance.auc_bootstrap->high, 0.5);
}

TEST(NodePerformance, UsesEachCasesOwnThreshold) {
  std::vector<NodeCase> cases = node_cases(scored({0.1}, {0.3}));
  cases[1].package_threshold = 0.2;
  const auto performance = node_performance(cases, {.resamples = 10});
  EXPECT_EQ(performance.at_package.counts.true_positive, 1U);
  EXPECT_FALSE(performance.at_package.threshold) << "the cases do not share one";
}

TEST(NodePerformance, OfNothingHasNoValues) {
  const auto performance = node_performance({}, {});
  EXPECT_FALSE(performance.auc);
  EXPECT_FALSE(performance.auc_bootstrap);
  EXPECT_FALSE(performance.at_youden);
  EXPECT_FALSE(value_of(performance.at_half.metrics.at(BinaryMetric::accuracy).counts));
  EXPECT_FALSE(performance.at_half.metrics.at(BinaryMetric::accuracy).bootstrap);
}

TEST(NodePerformance, BootstrapOfASensitivityIsBinomial) {
  // 40 of 50 positives found: resampled sensitivities have the 2.5% and 97.5% quantiles of
  // Binomial(50, 0.8) / 50, which are 0.68 and 0.90; the negatives play no part.
  std::vector<ScoredCase> cases =
      scored(std::vector<double>(30, 0.1), std::vector<double>(40, 0.9));
  for (int i = 0; i < 10; ++i) {
    cases.push_back({0.2, true});
  }
  const auto performance = node_performance(node_cases(cases), {.resamples = 20000, .seed = 7});
  const auto& sensitivity = performance.at_half.metrics.at(BinaryMetric::sensitivity);
  EXPECT_NEAR(sensitivity.bootstrap->low, 0.68, 0.021);
  EXPECT_NEAR(sensitivity.bootstrap->high, 0.90, 0.021);
  const auto& specificity = performance.at_half.metrics.at(BinaryMetric::specificity);
  EXPECT_EQ(specificity.bootstrap->low, 1) << "stratified: no negative is ever a positive";
}

TEST(NodePerformance, TheSameSeedGivesTheSameIntervals) {
  std::mt19937 engine(1);
  std::vector<ScoredCase> cases;
  for (int i = 0; i < 60; ++i) {
    cases.push_back({static_cast<double>(engine() % 1000) / 1000, i % 2 == 0});
  }
  const auto low = [&](std::uint64_t seed) {
    return node_performance(node_cases(cases), {.resamples = 200, .seed = seed}).auc_bootstrap->low;
  };
  EXPECT_EQ(low(1), low(1));
  EXPECT_NE(low(1), low(2));
}

TEST(NodePerformance, AThousandResamplesOfThePapersCohortTakeWellUnderASecond) {
  std::mt19937 engine(1);
  std::vector<ScoredCase> cases;
  for (int i = 0; i < 157; ++i) {
    cases.push_back({static_cast<double>(engine() % 100000) / 100000, i < 78});
  }
  const auto begin = std::chrono::steady_clock::now();
  node_performance(node_cases(cases), {});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(seconds.count(), 0.5);
}

} // namespace
} // namespace cordlesion
