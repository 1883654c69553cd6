#include "cordlesion/core/error.hpp"
#include "cordlesion/core/geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace cordlesion {
namespace {

Grid sample_grid() {
  return {.size = {4, 5, 6}, .spacing_mm = {0.5, 1, 4}, .origin_mm = {10, -20, 30}};
}

TEST(Geometry, PointOfAnIndexFollowsSpacingAndDirection) {
  Grid grid = sample_grid();
  grid.direction = {Vec3{0, 1, 0}, Vec3{0, 0, -1}, Vec3{1, 0, 0}};
  const Vec3 point = point_of(grid, {2, 3, 1});
  EXPECT_DOUBLE_EQ(point[0], 10 + 4);
  EXPECT_DOUBLE_EQ(point[1], -20 + 1);
  EXPECT_DOUBLE_EQ(point[2], 30 - 3);
}

TEST(Geometry, CornerErrorIsTheLargestDistance) {
  Grid moved = sample_grid();
  moved.origin_mm[0] += 0.02;
  EXPECT_NEAR(max_corner_error_mm(sample_grid(), moved), 0.02, 1e-12);
  Grid stretched = sample_grid();
  stretched.spacing_mm[2] += 0.01;
  EXPECT_NEAR(max_corner_error_mm(sample_grid(), stretched), 0.05, 1e-12);
}

TEST(Geometry, CornerErrorOfDifferentSizesIsInfinite) {
  Grid other = sample_grid();
  other.size[0] = 3;
  EXPECT_TRUE(std::isinf(max_corner_error_mm(sample_grid(), other)));
}

TEST(Geometry, ValidGridIsAccepted) {
  EXPECT_NO_THROW(require_valid(sample_grid()));
}

TEST(Geometry, BrokenGridsAreRefused) {
  Grid no_voxels = sample_grid();
  no_voxels.size[1] = 0;
  EXPECT_THROW(require_valid(no_voxels), Error);
  Grid negative = sample_grid();
  negative.spacing_mm[0] = -1;
  EXPECT_THROW(require_valid(negative), Error);
  Grid not_a_number = sample_grid();
  not_a_number.spacing_mm[2] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(require_valid(not_a_number), Error);
  Grid sheared = sample_grid();
  sheared.direction[1] = {0.1, std::sqrt(1 - 0.01), 0};
  EXPECT_THROW(require_valid(sheared), Error);
}

} // namespace
} // namespace cordlesion
