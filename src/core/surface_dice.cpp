// Normalised surface distance of two masks.
#include "cordlesion/core/distance_transform.hpp"
#include "cordlesion/core/mask_agreement.hpp"

#include <algorithm>
#include <cmath>

namespace cordlesion {
namespace {

using MaskStack = SliceStack<std::uint8_t>;

/// Rounding of sums of squares must not decide at the tolerance itself.
constexpr double rounding_mm = 1e-6;

/// A box of voxels, ends excluded, in slices, rows and columns.
struct Box {
  Index3 from{};
  Index3 to{};
};

/// The smallest box around the voxels of either mask; empty if there is none.
Box box_around(const MaskStack& a, const MaskStack& b) {
  Box box{{a.slices, a.rows, a.columns}, {0, 0, 0}};
  std::size_t offset = 0;
  for (std::size_t s = 0; s < a.slices; ++s) {
    for (std::size_t r = 0; r < a.rows; ++r) {
      for (std::size_t c = 0; c < a.columns; ++c, ++offset) {
        if (a.pixels[offset] != 0 || b.pixels[offset] != 0) {
          const Index3 at{s, r, c};
          for (std::size_t axis = 0; axis < 3; ++axis) {
            box.from[axis] = std::min(box.from[axis], at[axis]);
            box.to[axis] = std::max(box.to[axis], at[axis] + 1);
          }
        }
      }
    }
  }
  return box;
}

/// The surface voxels of `mask`, which lies within `box`, on a stack of the box's size.
MaskStack surface_in(const MaskStack& mask, const Box& box) {
  MaskStack surface = mask;
  surface.slices = box.to[0] - box.from[0];
  surface.rows = box.to[1] - box.from[1];
  surface.columns = box.to[2] - box.from[2];
  surface.pixels.assign(surface.slices * surface.slice_size(), 0);
  const auto at = [&](std::size_t s, std::size_t r, std::size_t c) {
    // Indices below 0 wrap to values beyond the end: outside the image is outside the mask.
    return s < mask.slices && r < mask.rows && c < mask.columns &&
           mask.pixels[s * mask.slice_size() + r * mask.columns + c] != 0;
  };
  std::size_t offset = 0;
  for (std::size_t s = box.from[0]; s < box.to[0]; ++s) {
    for (std::size_t r = box.from[1]; r < box.to[1]; ++r) {
      for (std::size_t c = box.from[2]; c < box.to[2]; ++c, ++offset) {
        const bool inner = at(s - 1, r, c) && at(s + 1, r, c) && at(s, r - 1, c) &&
                           at(s, r + 1, c) && at(s, r, c - 1) && at(s, r, c + 1);
        surface.pixels[offset] = at(s, r, c) && !inner ? 1 : 0;
      }
    }
  }
  return surface;
}

/// How many voxels of `surface` lie within the tolerance of a voxel of `other`.
Proportion near(const MaskStack& surface, const MaskStack& other, double tolerance_mm) {
  const std::vector<double> squared = squared_distances_mm2(other);
  Proportion within;
  for (std::size_t i = 0; i < squared.size(); ++i) {
    if (surface.pixels[i] != 0) {
      ++within.denominator;
      within.numerator += std::sqrt(squared[i]) <= tolerance_mm + rounding_mm ? 1 : 0;
    }
  }
  return within;
}

} // namespace

std::optional<double> surface_dice(const MaskStack& predicted, const MaskStack& reference,
                                   double tolerance_mm) {
  const Box box = box_around(predicted, reference);
  if (box.to[0] == 0) {
    return std::nullopt;
  }
  const MaskStack a = surface_in(predicted, box);
  const MaskStack b = surface_in(reference, box);
  const Proportion of_predicted = near(a, b, tolerance_mm);
  const Proportion of_reference = near(b, a, tolerance_mm);
  return value_of({of_predicted.numerator + of_reference.numerator,
                   of_predicted.denominator + of_reference.denominator});
}

} // namespace cordlesion
