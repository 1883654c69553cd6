// Binary lesion masks: from probabilities, or from a mask that a reader corrected.
#pragma once

#include "cordlesion/core/slice_stack.hpp"
#include "cordlesion/core/volume.hpp"

#include <cstddef>
#include <cstdint>

namespace cordlesion {

/// 1 where the probability is at least `threshold`.
SliceStack<std::uint8_t> threshold_mask(const SliceStack<float>& probability, double threshold);

std::size_t count_voxels(const SliceStack<std::uint8_t>& mask);

/// A corrected mask brought to the grid of its image.
struct AlignedMask {
  Mask mask;
  bool resampled = false;  ///< its grid differed from the image's by more than 0.01 mm
  bool not_binary = false; ///< it held values other than 0 and one positive
  bool cut = false;        ///< the centres of some of its lesion voxels lie outside the image
};

/// Any value above 0 is lesion. On another grid in the same space: the nearest voxel centre, no
/// interpolation. Throws a case error (stage segment) if lesion voxels exist and the result has
/// none: `mask_no_overlap` if they lie outside the image, else `mask_vanishes`.
AlignedMask align_mask(const Image& mask, const Grid& image_grid);

} // namespace cordlesion
