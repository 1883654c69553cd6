#include "cordlesion/core/slice_stack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cordlesion {
namespace {

// A volume already canonical: columns to posterior, rows to inferior, slices to left.
Image canonical_volume() {
  Grid grid{.size = {5, 4, 3},
            .spacing_mm = {0.7, 0.9, 4},
            .origin_mm = {-4, -60, 80},
            .direction = {Vec3{0, 1, 0}, Vec3{0, 0, -1}, Vec3{1, 0, 0}}};
  std::vector<float> voxels(voxel_count(grid));
  std::iota(voxels.begin(), voxels.end(), 0.0F);
  return {grid, voxels};
}

/// The same image in space with its axes permuted and flipped.
Image reordered(const Image& image, const std::array<std::size_t, 3>& order, unsigned flips) {
  const Grid& from = image.grid();
  Grid grid = from;
  Vec3 first{};
  for (std::size_t k = 0; k < 3; ++k) {
    const bool flip = ((flips >> k) & 1U) != 0;
    grid.size[k] = from.size[order[k]];
    grid.spacing_mm[k] = from.spacing_mm[order[k]];
    for (std::size_t c = 0; c < 3; ++c) {
      grid.direction[k][c] = (flip ? -1 : 1) * from.direction[order[k]][c];
    }
    first[order[k]] = flip ? static_cast<double>(from.size[order[k]]) - 1 : 0;
  }
  grid.origin_mm = point_of(from, first);
  std::vector<float> voxels(voxel_count(grid));
  std::size_t offset = 0;
  Index3 at{};
  for (at[2] = 0; at[2] < grid.size[2]; ++at[2]) {
    for (at[1] = 0; at[1] < grid.size[1]; ++at[1]) {
      for (at[0] = 0; at[0] < grid.size[0]; ++at[0]) {
        Index3 source{};
        for (std::size_t k = 0; k < 3; ++k) {
          const bool flip = ((flips >> k) & 1U) != 0;
          source[order[k]] = flip ? grid.size[k] - 1 - at[k] : at[k];
        }
        voxels[offset++] =
            image.voxels()[source[0] + from.size[0] * (source[1] + from.size[1] * source[2])];
      }
    }
  }
  return {grid, voxels};
}

TEST(SliceStack, CanonicalVolumeKeepsItsOrder) {
  const Image image = canonical_volume();
  const SliceStack<float> stack = to_slice_stack(image, canonical_axes(image.grid()));
  EXPECT_EQ(stack.columns, 5U);
  EXPECT_EQ(stack.rows, 4U);
  EXPECT_EQ(stack.slices, 3U);
  EXPECT_DOUBLE_EQ(stack.column_spacing_mm, 0.7);
  EXPECT_DOUBLE_EQ(stack.row_spacing_mm, 0.9);
  EXPECT_DOUBLE_EQ(stack.slice_spacing_mm, 4);
  EXPECT_EQ(stack.pixels, image.voxels());
}

TEST(SliceStack, All48AxisOrdersGiveTheSameStackAndReturnToTheirGrid) {
  const Image image = canonical_volume();
  std::array<std::size_t, 3> order{0, 1, 2};
  int tried = 0;
  do {
    for (unsigned flips = 0; flips < 8; ++flips, ++tried) {
      const Image other = reordered(image, order, flips);
      const CanonicalAxes axes = canonical_axes(other.grid());
      const SliceStack<float> stack = to_slice_stack(other, axes);
      ASSERT_EQ(stack.pixels, image.voxels());
      ASSERT_DOUBLE_EQ(stack.slice_spacing_mm, 4);
      ASSERT_EQ(to_volume(stack, other.grid(), axes).voxels(), other.voxels());
    }
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(tried, 48);
}

TEST(SliceStack, SourceIndexPointsAtTheSameVoxel) {
  const Image image = reordered(canonical_volume(), {2, 0, 1}, 5);
  const CanonicalAxes axes = canonical_axes(image.grid());
  const SliceStack<float> stack = to_slice_stack(image, axes);
  const Index3 source = source_index(image.grid(), axes, {3, 1, 2});
  const Index3& size = image.grid().size;
  const std::size_t offset = source[0] + size[0] * (source[1] + size[1] * source[2]);
  EXPECT_EQ(image.voxels()[offset], stack.slice(2)[1 * stack.columns + 3]);
  EXPECT_EQ(source[axes.source_axis[2]], source_slice(image.grid(), axes, 2));
}

TEST(SliceStack, ObliqueGridTakesTheNearestAxesAndItsAngleIsReported) {
  Grid grid = canonical_volume().grid();
  const double angle = 20 * std::acos(-1.0) / 180;
  grid.direction[0] = {-std::sin(angle), std::cos(angle), 0};
  grid.direction[2] = {std::cos(angle), std::sin(angle), 0};
  const CanonicalAxes axes = canonical_axes(grid);
  EXPECT_EQ(axes.source_axis, (std::array<std::size_t, 3>{0, 1, 2}));
  EXPECT_NEAR(sagittal_angle_deg(grid, axes), 20, 1e-9);
}

TEST(SliceStack, LosesSlicesAndGetsBlankOnesInTheirPlaces) {
  const Image image = canonical_volume();
  const SliceStack<float> whole = to_slice_stack(image, canonical_axes(image.grid()));
  const SliceStack<float> kept = without_slices(whole, {0, 2});
  ASSERT_EQ(kept.slices, 1U);
  EXPECT_TRUE(std::equal(kept.pixels.begin(), kept.pixels.end(), whole.slice(1)));
  const SliceStack<float> back = with_blank_slices(kept, {0, 2});
  ASSERT_EQ(back.pixels.size(), whole.pixels.size());
  EXPECT_TRUE(std::equal(kept.pixels.begin(), kept.pixels.end(), back.slice(1)));
  EXPECT_EQ(std::accumulate(back.slice(0), back.slice(1), 0.0F), 0);
  EXPECT_EQ(std::accumulate(back.slice(2), back.slice(2) + back.slice_size(), 0.0F), 0);
}

} // namespace
} // namespace cordlesion
