// The canonical sagittal view of a volume: an exact re-ordering of its voxels, never an
// interpolation.
#pragma once

#include "cordlesion/core/volume.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace cordlesion {

/// Sagittal slices as a reader sees them: slice 0 is the patient's rightmost, row 0 the most
/// superior, column 0 the most anterior. Memory order [slice][row][column].
template <typename T> struct SliceStack {
  std::size_t slices = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  double slice_spacing_mm = 1;
  double row_spacing_mm = 1;    ///< between rows, superior to inferior
  double column_spacing_mm = 1; ///< between columns, anterior to posterior
  std::vector<T> pixels;

  std::size_t slice_size() const { return rows * columns; }
  double voxel_mm3() const { return slice_spacing_mm * row_spacing_mm * column_spacing_mm; }
  const T* slice(std::size_t index) const { return pixels.data() + index * slice_size(); }
  T* slice(std::size_t index) { return pixels.data() + index * slice_size(); }
};

/// How the axes of a source grid become columns, rows and slices: a permutation and flips.
struct CanonicalAxes {
  /// source_axis[0], [1], [2]: the voxel axis that becomes columns (towards posterior), rows
  /// (towards inferior), slices (towards left).
  std::array<std::size_t, 3> source_axis{0, 1, 2};
  std::array<bool, 3> flipped{false, false, false}; ///< per canonical axis
};

/// Chooses the permutation that brings the voxel axes nearest to the patient's.
CanonicalAxes canonical_axes(const Grid& grid);

/// Angle in degrees between the slice axis and the patient's left-right direction.
double sagittal_angle_deg(const Grid& grid, const CanonicalAxes& axes);

/// Source index of voxel (column, row, slice) of the stack.
Index3 source_index(const Grid& grid, const CanonicalAxes& axes, const Index3& canonical);

/// Index of canonical slice `slice` along the source grid's slice axis.
std::size_t source_slice(const Grid& grid, const CanonicalAxes& axes, std::size_t slice);

template <typename T>
SliceStack<T> to_slice_stack(const Volume<T>& volume, const CanonicalAxes& axes);
/// The inverse of to_slice_stack, back on exactly `grid`.
template <typename T>
Volume<T> to_volume(const SliceStack<T>& stack, const Grid& grid, const CanonicalAxes& axes);

/// `stack` without the slices `missing` (ascending).
template <typename T>
SliceStack<T> without_slices(SliceStack<T> stack, const std::vector<std::size_t>& missing);
/// The inverse: slices of zeros put in so that they become the slices `missing`.
template <typename T>
SliceStack<T> with_blank_slices(SliceStack<T> stack, const std::vector<std::size_t>& missing);

} // namespace cordlesion
