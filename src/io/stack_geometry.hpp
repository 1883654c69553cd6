// The grid of a group of slices, established from their positions alone and checked.
#pragma once

#include "cordlesion/core/geometry.hpp"
#include "dicom_frame.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace cordlesion::io {

struct StackGeometry {
  Grid grid;                      ///< axis 2 along the normal, so the axes are right-handed
  std::vector<std::size_t> order; ///< frames as slices 0, 1, ...
  /// Pairs (slice, frame): a further frame at the position of a slice; must have the same pixels.
  std::vector<std::pair<std::size_t, std::size_t>> duplicates;
};

/// Sorts the frames along their normal and checks that they fill a regular grid. Throws case errors
/// (stage read): `slice_size_differs`, `too_few_slices`, `slices_at_one_position`, `slice_gap`,
/// `sheared_stack`, naming the frames.
StackGeometry establish_geometry(const std::vector<DicomFrame>& frames);

} // namespace cordlesion::io
