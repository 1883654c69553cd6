// Measures of solids whose size, place and intensity are known, on straight and oblique grids.
#include "cordlesion/core/lesions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

namespace cordlesion {
namespace {

constexpr double degree = std::numbers::pi / 180;

/// Voxel axes towards posterior, inferior and left, then turned about the left-right axis (in the
/// sagittal plane) and about the superior-inferior axis.
Grid tilted_grid(double in_plane_deg, double oblique_deg, const Index3& size, const Vec3& spacing) {
  const double a = in_plane_deg * degree;
  const double b = oblique_deg * degree;
  const auto turned = [&](const Vec3& v) {
    const Vec3 in_plane{v[0], std::cos(a) * v[1] - std::sin(a) * v[2],
                        std::sin(a) * v[1] + std::cos(a) * v[2]};
    return Vec3{std::cos(b) * in_plane[0] - std::sin(b) * in_plane[1],
                std::sin(b) * in_plane[0] + std::cos(b) * in_plane[1], in_plane[2]};
  };
  return {.size = size,
          .spacing_mm = spacing,
          .origin_mm = {-30, 12, 45},
          .direction = {turned({0, 1, 0}), turned({0, 0, -1}), turned({1, 0, 0})}};
}

Vec3 centre_of(const Grid& grid) {
  return point_of(grid, {static_cast<double>(grid.size[0] - 1) / 2,
                         static_cast<double>(grid.size[1] - 1) / 2,
                         static_cast<double>(grid.size[2] - 1) / 2});
}

/// Measures the solid {point : inside(point)}; `intensity` of a voxel by its index.
std::vector<Lesion> measure(
    const Grid& grid, const std::function<bool(const Vec3&, const Index3&)>& inside,
    const std::function<float(const Index3&)>& intensity = [](const Index3&) { return 0.5F; }) {
  std::vector<std::uint8_t> mask;
  std::vector<float> image;
  for (std::size_t k = 0; k < grid.size[2]; ++k) {
    for (std::size_t j = 0; j < grid.size[1]; ++j) {
      for (std::size_t i = 0; i < grid.size[0]; ++i) {
        const Vec3 point = point_of(
            grid, {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        mask.push_back(inside(point, {i, j, k}) ? 1 : 0);
        image.push_back(intensity({i, j, k}));
      }
    }
  }
  const CanonicalAxes axes = canonical_axes(grid);
  return measure_lesions(to_slice_stack(Mask(grid, mask), axes),
                         to_slice_stack(Image(grid, image), axes), grid, axes);
}

bool in_box(const Index3& at, const Index3& from, const Index3& to) {
  return at[0] >= from[0] && at[0] < to[0] && at[1] >= from[1] && at[1] < to[1] &&
         at[2] >= from[2] && at[2] < to[2];
}

TEST(LesionMeasures, ABoxOnAnObliqueGridHasItsExactMeasures) {
  const Grid grid = tilted_grid(20, 10, {12, 30, 6}, {0.5, 0.75, 4});
  const auto lesions = measure(grid, [](const Vec3&, const Index3& at) {
    return in_box(at, {2, 5, 1}, {7, 25, 4}); // 5 columns, 20 rows, 3 slices
  });
  ASSERT_EQ(lesions.size(), 1U);
  EXPECT_DOUBLE_EQ(lesions[0].volume_mm3, 300 * 0.5 * 0.75 * 4);
  EXPECT_DOUBLE_EQ(lesions[0].length_si_mm, 20 * 0.75);
  EXPECT_DOUBLE_EQ(lesions[0].width_ap_mm, 5 * 0.5);
  EXPECT_DOUBLE_EQ(lesions[0].max_area_mm2, 100 * 0.5 * 0.75);
  const Vec3 lps = point_of(grid, {4, 14.5, 2});
  const Vec3& ras = lesions[0].centroid_ras_mm;
  EXPECT_NEAR(ras[0], -lps[0], 1e-9);
  EXPECT_NEAR(ras[1], -lps[1], 1e-9);
  EXPECT_NEAR(ras[2], lps[2], 1e-9);
}

TEST(LesionMeasures, AnEllipsoidHasItsVolumeAndItsExtentsAlongTheScan) {
  const Vec3 half{4, 5, 14}; // half axes in mm towards left, posterior and superior
  for (const double in_plane_deg : {0.0, 25.0}) {
    const Grid grid = tilted_grid(in_plane_deg, 0, {80, 160, 60}, {0.25, 0.25, 0.25});
    const Vec3 centre = centre_of(grid);
    const auto lesions = measure(grid, [&](const Vec3& p, const Index3&) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        sum += std::pow((p[k] - centre[k]) / half[k], 2);
      }
      return sum <= 1;
    });
    ASSERT_EQ(lesions.size(), 1U);
    const double volume = 4.0 / 3.0 * std::numbers::pi * half[0] * half[1] * half[2];
    EXPECT_NEAR(lesions[0].volume_mm3, volume, 0.005 * volume);
    const double c = std::cos(in_plane_deg * degree);
    const double s = std::sin(in_plane_deg * degree);
    EXPECT_NEAR(lesions[0].length_si_mm, 2 * std::hypot(half[2] * c, half[1] * s), 0.5);
    EXPECT_NEAR(lesions[0].width_ap_mm, 2 * std::hypot(half[1] * c, half[2] * s), 0.5);
    const double middle_area = std::numbers::pi * half[1] * half[2];
    EXPECT_NEAR(lesions[0].max_area_mm2, middle_area, 0.01 * middle_area);
    EXPECT_NEAR(lesions[0].centroid_ras_mm[0], -centre[0], 1e-9);
    EXPECT_NEAR(lesions[0].centroid_ras_mm[1], -centre[1], 1e-9);
    EXPECT_NEAR(lesions[0].centroid_ras_mm[2], centre[2], 1e-9);
  }
}

TEST(LesionMeasures, MeasuresDoNotDependOnTheOrderOfTheAxes) {
  // The same box of 4 x 10 x 2 voxels on a grid with slices first and rows towards superior.
  const Grid grid{.size = {5, 10, 20},
                  .spacing_mm = {4, 0.5, 1},
                  .direction = {Vec3{1, 0, 0}, Vec3{0, 1, 0}, Vec3{0, 0, 1}}};
  const auto lesions = measure(grid, [](const Vec3&, const Index3& at) {
    return in_box(at, {1, 2, 5}, {3, 6, 15});
  });
  ASSERT_EQ(lesions.size(), 1U);
  EXPECT_DOUBLE_EQ(lesions[0].length_si_mm, 10);
  EXPECT_DOUBLE_EQ(lesions[0].width_ap_mm, 2);
  EXPECT_DOUBLE_EQ(lesions[0].max_area_mm2, 20);
  EXPECT_EQ(lesions[0].slices, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(lesions[0].centroid_voxel, (Vec3{1.5, 3.5, 9.5}));
}

TEST(LesionMeasures, IntensityHasMeanAndPopulationDeviation) {
  const Grid grid = tilted_grid(0, 0, {10, 10, 3}, {1, 1, 4});
  const auto inside = [](const Vec3&, const Index3& at) {
    return in_box(at, {2, 2, 1}, {6, 3, 2});
  };
  const auto lesions = measure(grid, inside, [](const Index3& at) {
    return static_cast<float>(at[0]) / 8; // 2, 3, 4 and 5 eighths
  });
  ASSERT_EQ(lesions.size(), 1U);
  EXPECT_DOUBLE_EQ(lesions[0].mean_intensity, 3.5 / 8);
  EXPECT_DOUBLE_EQ(lesions[0].sd_intensity, std::sqrt(1.25) / 8);
  const auto constant = measure(grid, inside, [](const Index3&) { return 0.3F; });
  EXPECT_EQ(constant[0].sd_intensity, 0) << "no rounding where all values are the same";
}

TEST(LesionMeasures, ALesionAtTheBorderIsFlaggedAndStillMeasured) {
  const Grid grid = tilted_grid(15, 0, {8, 9, 5}, {1, 1, 3});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const bool far_end : {false, true}) {
      Index3 from{3, 3, 2};
      from[axis] = far_end ? grid.size[axis] - 1 : 0;
      const Index3 to{from[0] + 1, from[1] + 1, from[2] + 1};
      const auto lesions =
          measure(grid, [&](const Vec3&, const Index3& at) { return in_box(at, from, to); });
      ASSERT_EQ(lesions.size(), 1U);
      EXPECT_TRUE(lesions[0].touches_border) << "axis " << axis;
      EXPECT_DOUBLE_EQ(lesions[0].volume_mm3, 3);
      EXPECT_DOUBLE_EQ(lesions[0].length_si_mm, 1);
    }
  }
}

} // namespace
} // namespace cordlesion
