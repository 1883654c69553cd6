// Lesions of a binary mask: connected components, their removal by size, and their measures.
#pragma once

#include "cordlesion/core/slice_stack.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordlesion {

/// One connected component; models/README.md defines each measure. Lengths follow the canonical
/// axes of the stack, so on an oblique scan they follow the scan, not the patient.
struct Lesion {
  int id = 0; ///< 1-based, largest volume first
  std::size_t voxels = 0;
  double volume_mm3 = 0;
  double length_si_mm = 0;         ///< rows spanned x row spacing
  double width_ap_mm = 0;          ///< columns spanned x column spacing
  double max_area_mm2 = 0;         ///< largest area on one sagittal slice
  Vec3 centroid_voxel{};           ///< mean index on the source grid (axis order of the source)
  Vec3 centroid_ras_mm{};          ///< the same point in RAS millimetres (NIfTI's convention)
  std::vector<std::size_t> slices; ///< indices along the source grid's slice axis, ascending
  double mean_intensity = 0;       ///< mean of the normalised image, 0 to 1
  double sd_intensity = 0;         ///< its population standard deviation
  bool touches_border = false;     ///< a voxel lies on the first or last row, column or slice
};

/// Component labels 1..n of the non-zero voxels, 0 elsewhere; 26-connected; numbered in memory
/// order.
struct Components {
  std::vector<std::int32_t> labels; ///< same order as the stack's pixels
  std::int32_t count = 0;
};
Components connected_components(const SliceStack<std::uint8_t>& mask);

/// Clears the components smaller than `min_volume_mm3`. Returns how many were cleared.
std::size_t remove_small_lesions(SliceStack<std::uint8_t>& mask, double min_volume_mm3);

/// Measures every component of `mask`; `normalised` is the normalised image on the same stack.
std::vector<Lesion> measure_lesions(const SliceStack<std::uint8_t>& mask,
                                    const SliceStack<float>& normalised, const Grid& source,
                                    const CanonicalAxes& axes);

} // namespace cordlesion
