// Proportions, quantiles, resampling. Expected values are worked out by hand or from the
// literature.
#include "cordlesion/core/statistics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace cordlesion {
namespace {

TEST(Wilson, AgreesWithTheClosedForm) {
  // 8 of 10: (p + z2/2n +- z sqrt(p q / n + z2/4n2)) / (1 + z2/n), Wilson 1927.
  const auto interval = wilson_interval({8, 10});
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 0.4901624715, 1e-9);
  EXPECT_NEAR(interval->high, 0.9433178485, 1e-9);
}

TEST(Wilson, StaysWithinZeroAndOneAndIsSymmetric) {
  const auto none = wilson_interval({0, 20});
  const auto all = wilson_interval({20, 20});
  EXPECT_EQ(none->low, 0);
  EXPECT_EQ(all->high, 1);
  EXPECT_NEAR(none->high, 1 - all->low, 1e-15);
  EXPECT_GT(none->high, 0.1);
}

TEST(Wilson, IsExactAtZeroAndOneWhateverTheCount) {
  for (std::size_t n = 1; n <= 200; ++n) {
    EXPECT_EQ(wilson_interval({0, n})->low, 0) << n;
    EXPECT_EQ(wilson_interval({n, n})->high, 1) << n;
  }
}

TEST(Proportions, OfNothingAreUndefined) {
  EXPECT_FALSE(value_of({0, 0}));
  EXPECT_FALSE(wilson_interval({0, 0}));
  EXPECT_EQ(value_of({3, 4}), 0.75);
}

TEST(Quantiles, InterpolateBetweenOrderStatistics) {
  const std::vector<double> sorted{1, 2, 4, 8};
  EXPECT_EQ(quantile_of_sorted(sorted, 0), 1);
  EXPECT_EQ(quantile_of_sorted(sorted, 0.5), 3);
  EXPECT_EQ(quantile_of_sorted(sorted, 0.75), 5);
  EXPECT_EQ(quantile_of_sorted(sorted, 1), 8);
  EXPECT_EQ(quantile_of_sorted({7}, 0.3), 7);
}

TEST(Quantiles, OfAnIntervalLeaveTwoAndAHalfPercentOnEachSide) {
  std::vector<double> values;
  for (int i = 1000; i >= 0; --i) {
    values.push_back(i);
  }
  const auto interval = percentile_interval(values);
  EXPECT_NEAR(interval->low, 25, 1e-9);
  EXPECT_NEAR(interval->high, 975, 1e-9);
  EXPECT_FALSE(percentile_interval({}));
}

TEST(RandomIndex, IsTheSameOnEveryPlatform) {
  // std::mt19937_64 seeded with 5489 yields 14514284786278117030 first ([rand.predef]:
  // 9981545732273789042 is the 10000th).
  RandomIndex random(5489);
  EXPECT_EQ(random.below(1000), 14514284786278117030ULL % 1000);
}

TEST(RandomIndex, ReachesEveryIndexAboutEquallyOften) {
  RandomIndex random(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) {
    ++counts.at(random.below(7));
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, 10000, 400);
  }
}

TEST(Summaries, DescribeADistribution) {
  const auto summary = summarise({4, 1, 8, 2}, {.resamples = 2000, .seed = 1});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 4U);
  EXPECT_EQ(summary->mean, 3.75);
  EXPECT_NEAR(*summary->sd, std::sqrt(28.75 / 3), 1e-12);
  EXPECT_EQ(summary->minimum, 1);
  EXPECT_EQ(summary->median, 3);
  EXPECT_EQ(summary->maximum, 8);
  ASSERT_TRUE(summary->mean_interval);
  EXPECT_GT(summary->mean_interval->low, 1);
  EXPECT_LT(summary->mean_interval->high, 8);
}

TEST(Summaries, OfNothingAreUndefinedAndOfOneValueHaveNoDeviation) {
  EXPECT_FALSE(summarise({}, {}));
  const auto single = summarise({0.5}, {});
  EXPECT_FALSE(single->sd);
  EXPECT_EQ(single->mean_interval->low, 0.5);
  EXPECT_FALSE(summarise({1, 2}, {.resamples = 0})->mean_interval) << "no resamples, no interval";
}

} // namespace
} // namespace cordlesion
