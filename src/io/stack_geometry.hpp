// The grid of a group of slices, established from their positions alone and checked.
#pragma once

#include "cordlesion/core/geometry.hpp"
#include "dicom_frame.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace cordlesion::io {

struct StackGeometry {
  Grid grid;                      ///< axis 2 along the normal, so the axes are right-handed
  std::vector<std::size_t> order; ///< frames along axis 2, lowest first
  std::vector<std::size_t> place; ///< their indices along axis 2: 0, 1, ... unless there are gaps
  /// Pairs (position in `order`, frame): a further frame at the place of that one; must have the
  /// same pixels.
  std::vector<std::pair<std::size_t, std::size_t>> duplicates;
  std::optional<Warning> gaps; ///< the slices are unevenly spaced, which was allowed
};

/// Sorts the frames along their normal and checks that they fill a regular grid. Throws case errors
/// (stage read): `slice_size_differs`, `frame_of_reference_differs`, `instance_twice`,
/// `too_few_slices`, `slices_at_one_position`, `slice_gap`, `sheared_stack`, naming the frames.
/// @param allow_gaps  uneven slices go to the nearest places of a grid that leaves gaps
StackGeometry establish_geometry(const std::vector<DicomFrame>& frames, bool allow_gaps);

} // namespace cordlesion::io
