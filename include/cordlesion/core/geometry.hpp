// Where voxels lie in the patient: grids in LPS millimetres (DICOM's and ITK's convention).
#pragma once

#include <array>
#include <cstddef>

namespace cordlesion {

using Vec3 = std::array<double, 3>;
using Index3 = std::array<std::size_t, 3>;

Vec3 minus(const Vec3& a, const Vec3& b); ///< a - b
double dot(const Vec3& a, const Vec3& b);
Vec3 cross(const Vec3& a, const Vec3& b);
double norm(const Vec3& a);

/// A regular voxel grid. Axis 0 is the fastest in memory.
struct Grid {
  Index3 size{};                ///< voxels along each axis
  Vec3 spacing_mm{1, 1, 1};     ///< distance between voxel centres along each axis
  Vec3 origin_mm{};             ///< LPS position of the centre of voxel (0,0,0)
  std::array<Vec3, 3> direction{///< direction[axis]: LPS unit vector of growing index
                                Vec3{1, 0, 0}, Vec3{0, 1, 0}, Vec3{0, 0, 1}};
};

/// Product of the sizes.
std::size_t voxel_count(const Grid& grid);
/// Volume of one voxel in mm3.
double voxel_volume_mm3(const Grid& grid);
/// LPS position of a (possibly fractional) voxel index.
Vec3 point_of(const Grid& grid, const Vec3& index);
/// Grids whose corners lie nearer than this are the same; NIfTI stores them in single precision.
inline constexpr double same_grid_mm = 0.01;
/// Largest distance in mm between matching corner voxel centres of two grids of the same size;
/// infinity if the sizes differ.
double max_corner_error_mm(const Grid& a, const Grid& b);
/// Throws a case error (stage read) unless sizes and spacings are positive and finite and the
/// directions are orthonormal within 1e-3.
void require_valid(const Grid& grid);

} // namespace cordlesion
