// Arithmetic of voxel grids in LPS millimetres.
#include "cordlesion/core/geometry.hpp"

#include "cordlesion/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace cordlesion {

Vec3 minus(const Vec3& a, const Vec3& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

double dot(const Vec3& a, const Vec3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double norm(const Vec3& a) {
  return std::sqrt(dot(a, a));
}

std::size_t voxel_count(const Grid& grid) {
  return grid.size[0] * grid.size[1] * grid.size[2];
}

double voxel_volume_mm3(const Grid& grid) {
  return grid.spacing_mm[0] * grid.spacing_mm[1] * grid.spacing_mm[2];
}

Vec3 point_of(const Grid& grid, const Vec3& index) {
  Vec3 point = grid.origin_mm;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (std::size_t k = 0; k < 3; ++k) {
      point[k] += grid.direction[axis][k] * grid.spacing_mm[axis] * index[axis];
    }
  }
  return point;
}

double max_corner_error_mm(const Grid& a, const Grid& b) {
  if (a.size != b.size) {
    return std::numeric_limits<double>::infinity();
  }
  double worst = 0;
  for (unsigned corner = 0; corner < 8; ++corner) {
    Vec3 index{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const bool far_end = ((corner >> axis) & 1U) != 0;
      index[axis] = far_end ? static_cast<double>(a.size[axis]) - 1 : 0;
    }
    const Vec3 p = point_of(a, index);
    const Vec3 q = point_of(b, index);
    worst = std::max(worst, norm(minus(p, q)));
  }
  return worst;
}

void require_valid(const Grid& grid) {
  constexpr double orthonormal_tolerance = 1e-3;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double spacing = grid.spacing_mm[axis];
    if (grid.size[axis] == 0 || !std::isfinite(spacing) || spacing <= 0) {
      throw case_error(Stage::read, "invalid_grid",
                       "voxel axis " + std::to_string(axis) + " has size " +
                           std::to_string(grid.size[axis]) + " and spacing " +
                           std::to_string(spacing) + " mm; both must be positive",
                       "Check the image's header with its source.");
    }
    for (std::size_t other = axis; other < 3; ++other) {
      const double expected = axis == other ? 1 : 0;
      const double found = dot(grid.direction[axis], grid.direction[other]);
      if (!(std::abs(found - expected) <= orthonormal_tolerance)) {
        throw case_error(Stage::read, "invalid_direction",
                         "the directions of voxel axes " + std::to_string(axis) + " and " +
                             std::to_string(other) + " have dot product " + std::to_string(found) +
                             ", expected " + std::to_string(expected),
                         "The image is sheared or its orientation is damaged.");
      }
    }
    if (!std::isfinite(grid.origin_mm[axis])) {
      throw case_error(Stage::read, "invalid_origin", "the image's origin is not a finite point");
    }
  }
}

} // namespace cordlesion
