#include "cordlesion/core/error.hpp"
#include "cordlesion/core/lesion_mask.hpp"
#include "cordlesion/core/lesions.hpp"
#include "cordlesion/core/slice_selection.hpp"

#include <gtest/gtest.h>

namespace cordlesion {
namespace {

// Canonical axes: columns posterior, rows inferior, slices left; origin at the LPS zero.
const Grid grid{.size = {10, 20, 5},
                .spacing_mm = {0.5, 1, 4},
                .origin_mm = {0, 0, 0},
                .direction = {Vec3{0, 1, 0}, Vec3{0, 0, -1}, Vec3{1, 0, 0}}};

SliceStack<std::uint8_t> empty_mask() {
  return to_slice_stack(Mask(grid, std::vector<std::uint8_t>(voxel_count(grid), 0)),
                        canonical_axes(grid));
}

void fill_box(SliceStack<std::uint8_t>& mask, Index3 from, Index3 to) {
  for (std::size_t s = from[2]; s < to[2]; ++s) {
    for (std::size_t r = from[1]; r < to[1]; ++r) {
      for (std::size_t c = from[0]; c < to[0]; ++c) {
        mask.slice(s)[r * mask.columns + c] = 1;
      }
    }
  }
}

std::vector<Lesion> measure(const SliceStack<std::uint8_t>& mask, float intensity = 0.5F) {
  SliceStack<float> image = to_slice_stack(
      Image(grid, std::vector<float>(voxel_count(grid), intensity)), canonical_axes(grid));
  return measure_lesions(mask, image, grid, canonical_axes(grid));
}

TEST(Lesions, ABoxHasItsExactMeasures) {
  auto mask = empty_mask();
  fill_box(mask, {2, 5, 1}, {6, 15, 3}); // 4 columns, 10 rows, 2 slices
  const auto lesions = measure(mask);
  ASSERT_EQ(lesions.size(), 1U);
  const Lesion& lesion = lesions[0];
  EXPECT_EQ(lesion.id, 1);
  EXPECT_EQ(lesion.voxels, 80U);
  EXPECT_DOUBLE_EQ(lesion.volume_mm3, 80 * 0.5 * 1 * 4);
  EXPECT_DOUBLE_EQ(lesion.length_si_mm, 10);
  EXPECT_DOUBLE_EQ(lesion.width_ap_mm, 2);
  EXPECT_DOUBLE_EQ(lesion.max_area_mm2, 20);
  EXPECT_EQ(lesion.slices, (std::vector<std::size_t>{1, 2}));
  EXPECT_DOUBLE_EQ(lesion.centroid_voxel[0], 3.5);
  EXPECT_DOUBLE_EQ(lesion.centroid_voxel[1], 9.5);
  EXPECT_DOUBLE_EQ(lesion.centroid_voxel[2], 1.5);
  EXPECT_DOUBLE_EQ(lesion.centroid_ras_mm[0], -1.5 * 4);
  EXPECT_DOUBLE_EQ(lesion.centroid_ras_mm[1], -3.5 * 0.5);
  EXPECT_DOUBLE_EQ(lesion.centroid_ras_mm[2], -9.5);
  EXPECT_DOUBLE_EQ(lesion.mean_intensity, 0.5);
  EXPECT_FALSE(lesion.touches_border);
}

TEST(Lesions, LargestComesFirstAndBordersAreFlagged) {
  auto mask = empty_mask();
  fill_box(mask, {0, 0, 0}, {1, 2, 1});
  fill_box(mask, {4, 10, 2}, {6, 14, 4});
  const auto lesions = measure(mask);
  ASSERT_EQ(lesions.size(), 2U);
  EXPECT_EQ(lesions[0].voxels, 16U);
  EXPECT_FALSE(lesions[0].touches_border);
  EXPECT_EQ(lesions[1].id, 2);
  EXPECT_TRUE(lesions[1].touches_border);
}

TEST(Lesions, DiagonalNeighboursAreOneComponent) {
  auto mask = empty_mask();
  fill_box(mask, {2, 2, 1}, {3, 3, 2});
  fill_box(mask, {3, 3, 2}, {4, 4, 3});
  EXPECT_EQ(connected_components(mask).count, 1);
  fill_box(mask, {6, 3, 2}, {7, 4, 3});
  EXPECT_EQ(connected_components(mask).count, 2);
}

TEST(Lesions, SmallOnesAreRemovedByVolume) {
  auto mask = empty_mask();
  fill_box(mask, {2, 2, 1}, {3, 3, 2}); // 2 mm3
  fill_box(mask, {5, 5, 3}, {7, 7, 4}); // 8 mm3
  auto exact = mask;
  EXPECT_EQ(remove_small_lesions(exact, 2), 0U) << "a lesion of exactly the minimum stays";
  EXPECT_EQ(remove_small_lesions(mask, 2.1), 1U);
  EXPECT_EQ(count_voxels(mask), 4U);
}

TEST(SliceSelection, TakesSlicesWithAMaskPixel) {
  NetworkStack<std::uint8_t> masks{.slices = 4, .size = 2, .pixels = std::vector<std::uint8_t>(16)};
  masks.pixels[1 * 4 + 3] = 1;
  masks.pixels[3 * 4] = 1;
  EXPECT_EQ(lesion_bearing_slices(masks), (std::vector<std::size_t>{1, 3}));
}

TEST(LesionMask, ThresholdIncludesItsOwnValue) {
  SliceStack<float> probability{.slices = 1, .rows = 1, .columns = 3, .pixels = {0.4F, 0.5F, 0.6F}};
  EXPECT_EQ(threshold_mask(probability, 0.5).pixels, (std::vector<std::uint8_t>{0, 1, 1}));
}

TEST(LesionMask, CorrectedMaskOnTheSameGridIsTakenAsItIs) {
  std::vector<float> voxels(voxel_count(grid), 0);
  voxels[17] = 1;
  const AlignedMask aligned = align_mask(Image(grid, voxels), grid);
  EXPECT_FALSE(aligned.resampled);
  EXPECT_FALSE(aligned.not_binary);
  EXPECT_EQ(aligned.mask.voxels()[17], 1);
}

TEST(LesionMask, CorrectedMaskOnAFlippedGridLandsOnTheSamePoints) {
  Grid flipped = grid;
  flipped.direction[1] = {0, 0, 1};
  flipped.origin_mm = point_of(grid, {0, 19, 0});
  std::vector<float> voxels(voxel_count(grid), 0);
  voxels[3 + 10 * (2 + 20 * 1)] = 1; // (3, 2, 1) on the flipped grid is (3, 17, 1) on ours
  const AlignedMask aligned = align_mask(Image(flipped, voxels), grid);
  EXPECT_TRUE(aligned.resampled);
  EXPECT_EQ(aligned.mask.voxels()[3 + 10 * (17 + 20 * 1)], 1);
}

TEST(LesionMask, LesionBeyondTheImageIsNoticed) {
  Grid shifted = grid;
  shifted.origin_mm = point_of(grid, {0, 1, 0});
  std::vector<float> voxels(voxel_count(grid), 0);
  voxels[10 * 18] = 1; // (0, 18, 0) there is (0, 19, 0), the last row of the image
  EXPECT_FALSE(align_mask(Image(shifted, voxels), grid).cut);
  voxels[10 * 19] = 1;
  const AlignedMask aligned = align_mask(Image(shifted, voxels), grid);
  EXPECT_TRUE(aligned.cut);
  EXPECT_EQ(aligned.mask.voxels()[10 * 19], 1);
}

TEST(LesionMask, SeveralValuesAreNoticed) {
  std::vector<float> voxels(voxel_count(grid), 0);
  voxels[0] = 1;
  voxels[1] = 2;
  EXPECT_TRUE(align_mask(Image(grid, voxels), grid).not_binary);
  const Image negative(grid, std::vector<float>(voxels.size(), -1));
  EXPECT_TRUE(align_mask(negative, grid).not_binary) << "no lesion, and hardly meant so";
}

TEST(LesionMask, MaskElsewhereInSpaceIsRefused) {
  Grid far = grid;
  far.origin_mm = {500, 0, 0};
  std::vector<float> voxels(voxel_count(grid), 0);
  voxels[5] = 1;
  try {
    align_mask(Image(far, voxels), grid);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "mask_no_overlap");
  }
}

TEST(LesionMask, LesionBetweenTheVoxelsOfACoarserImageIsRefusedAsSuch) {
  Grid fine = grid;
  for (std::size_t axis = 0; axis < 3; ++axis) { // each voxel in four, none at a voxel's centre
    fine.size[axis] *= 4;
    fine.spacing_mm[axis] /= 4;
    for (std::size_t c = 0; c < 3; ++c) {
      fine.origin_mm[c] -= grid.direction[axis][c] * grid.spacing_mm[axis] * 0.375;
    }
  }
  std::vector<float> voxels(voxel_count(fine), 0);
  voxels[4 * 5 + fine.size[0] * (4 * 5 + fine.size[1] * 4)] = 1;
  try {
    align_mask(Image(fine, voxels), grid);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "mask_vanishes");
  }
}

} // namespace
} // namespace cordlesion
