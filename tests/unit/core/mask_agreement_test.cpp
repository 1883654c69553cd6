// Agreement of masks: Dice, volumes, matched lesions, surfaces and distances.
#include "cordlesion/core/distance_transform.hpp"
#include "cordlesion/core/mask_agreement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace cordlesion {
namespace {

using MaskStack = SliceStack<std::uint8_t>;

MaskStack empty_stack(std::size_t slices = 6, std::size_t rows = 20, std::size_t columns = 12) {
  return {.slices = slices,
          .rows = rows,
          .columns = columns,
          .slice_spacing_mm = 4,
          .row_spacing_mm = 1,
          .column_spacing_mm = 0.5,
          .pixels = std::vector<std::uint8_t>(slices * rows * columns, 0)};
}

/// Ends excluded, in slices, rows and columns.
MaskStack with_box(MaskStack mask, const Index3& from, const Index3& to) {
  for (std::size_t s = from[0]; s < to[0]; ++s) {
    for (std::size_t r = from[1]; r < to[1]; ++r) {
      for (std::size_t c = from[2]; c < to[2]; ++c) {
        mask.slice(s)[r * mask.columns + c] = 1;
      }
    }
  }
  return mask;
}

TEST(DistanceTransform, EqualsTheSearchOverAllSites) {
  std::mt19937 engine(4);
  MaskStack sites = empty_stack(5, 9, 7);
  for (auto& site : sites.pixels) {
    site = engine() % 40 == 0 ? 1 : 0;
  }
  const auto squared = squared_distances_mm2(sites);
  const auto place = [&](std::size_t offset) {
    return Vec3{4.0 * static_cast<double>(offset / 63), 1.0 * static_cast<double>(offset % 63 / 7),
                0.5 * static_cast<double>(offset % 7)};
  };
  for (std::size_t i = 0; i < squared.size(); ++i) {
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < squared.size(); ++j) {
      if (sites.pixels[j] != 0) {
        const Vec3 a = place(i);
        const Vec3 b = place(j);
        const Vec3 apart{a[0] - b[0], a[1] - b[1], a[2] - b[2]};
        best = std::min(best, dot(apart, apart));
      }
    }
    EXPECT_NEAR(squared[i], best, 1e-9) << i;
  }
}

TEST(DistanceTransform, WithoutSitesIsInfinite) {
  const auto squared = squared_distances_mm2(empty_stack(2, 3, 3));
  EXPECT_TRUE(std::all_of(squared.begin(), squared.end(), [](double d) { return std::isinf(d); }));
}

TEST(MaskAgreement, OfShiftedBoxesIsExact) {
  const auto reference = with_box(empty_stack(), {1, 2, 2}, {4, 12, 6}); // 3 x 10 x 4
  const auto predicted = with_box(empty_stack(), {1, 4, 2}, {4, 14, 6}); // two rows lower
  const MaskAgreement agreement = mask_agreement(predicted, reference, {});
  EXPECT_EQ(agreement.common_voxels, 96U);
  EXPECT_DOUBLE_EQ(*dice_of(agreement), 0.8);
  EXPECT_DOUBLE_EQ(agreement.reference_mm3, 240);
  EXPECT_DOUBLE_EQ(*relative_volume_error(agreement), 0);
}

TEST(MaskAgreement, EmptyMasksFollowThePolicy) {
  const auto box = with_box(empty_stack(), {1, 2, 2}, {2, 4, 4});
  const MaskAgreement both_empty = mask_agreement(empty_stack(), empty_stack(), {});
  EXPECT_FALSE(dice_of(both_empty));
  EXPECT_FALSE(both_empty.surface_dice);
  EXPECT_FALSE(lesion_f1(both_empty.lesions));
  const MaskAgreement missed = mask_agreement(empty_stack(), box, {});
  EXPECT_EQ(dice_of(missed), 0);
  EXPECT_EQ(missed.surface_dice, 0);
  EXPECT_EQ(relative_volume_error(missed), -1);
  const MaskAgreement invented = mask_agreement(box, empty_stack(), {});
  EXPECT_EQ(dice_of(invented), 0);
  EXPECT_EQ(invented.surface_dice, 0);
  EXPECT_FALSE(relative_volume_error(invented));
}

TEST(LesionMatching, CountsFoundAndFalseLesions) {
  auto reference = with_box(empty_stack(), {1, 2, 2}, {3, 6, 6});
  reference = with_box(reference, {4, 15, 2}, {5, 17, 4});
  auto predicted = with_box(empty_stack(), {1, 5, 2}, {3, 9, 6}); // shares one row with the first
  predicted = with_box(predicted, {5, 1, 9}, {6, 3, 11});         // touches nothing
  predicted = with_box(predicted, {0, 18, 0}, {1, 19, 1});
  const LesionMatches matches = match_lesions(predicted, reference, 0);
  EXPECT_EQ(matches.found.numerator, 1U);
  EXPECT_EQ(matches.found.denominator, 2U);
  EXPECT_EQ(matches.correct.numerator, 1U);
  EXPECT_EQ(matches.correct.denominator, 3U);
  EXPECT_DOUBLE_EQ(*lesion_f1(matches), 2 * 0.5 / 3 / (0.5 + 1.0 / 3));
}

TEST(LesionMatching, AsksForTheGivenShareOfALesion) {
  const auto reference = with_box(empty_stack(), {1, 2, 2}, {3, 6, 6});
  const auto predicted = with_box(empty_stack(), {1, 5, 2}, {3, 9, 6}); // a quarter of each
  EXPECT_EQ(match_lesions(predicted, reference, 0.25).found.numerator, 1U);
  EXPECT_EQ(match_lesions(predicted, reference, 0.26).found.numerator, 0U);
}

TEST(SurfaceDice, KnowsTheToleranceAndTheSpacings) {
  const auto reference = with_box(empty_stack(), {1, 2, 2}, {2, 12, 6}); // one slice: all surface
  const auto in_column = with_box(empty_stack(), {1, 2, 3}, {2, 12, 7}); // 0.5 mm posterior
  const auto in_slice = with_box(empty_stack(), {2, 2, 2}, {3, 12, 6});  // 4 mm to the left
  EXPECT_EQ(surface_dice(reference, reference, 0), 1);
  EXPECT_EQ(surface_dice(in_column, reference, 0.5), 1);
  EXPECT_DOUBLE_EQ(*surface_dice(in_column, reference, 0.4), 0.75)
      << "three of four columns shared";
  EXPECT_EQ(surface_dice(in_slice, reference, 3.9), 0);
  EXPECT_EQ(surface_dice(in_slice, reference, 4), 1);
}

TEST(SurfaceDice, LeavesTheInsideOut) {
  // The 2 x 3 x 3 inner voxels of a box of 4 x 5 x 5: without them its surface stays the same.
  const auto solid = with_box(empty_stack(), {1, 3, 3}, {5, 8, 8});
  MaskStack hollow = solid;
  for (std::size_t s = 2; s < 4; ++s) {
    for (std::size_t r = 4; r < 7; ++r) {
      for (std::size_t c = 4; c < 7; ++c) {
        hollow.slice(s)[r * hollow.columns + c] = 0;
      }
    }
  }
  EXPECT_EQ(surface_dice(hollow, solid, 0), 1);
  EXPECT_LT(*dice_of(mask_agreement(hollow, solid, {})), 1);
}

TEST(SurfaceDice, TakesTheImagesBorderAsOutside) {
  const auto whole = with_box(empty_stack(), {0, 0, 0}, {6, 20, 12});
  const auto inner = with_box(empty_stack(), {1, 1, 1}, {5, 19, 11});
  EXPECT_EQ(surface_dice(whole, whole, 0), 1);
  EXPECT_EQ(surface_dice(whole, inner, 0), 0);
}

} // namespace
} // namespace cordlesion
