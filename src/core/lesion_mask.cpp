// Thresholding, and alignment of corrected masks with their image.
#include "cordlesion/core/lesion_mask.hpp"

#include "cordlesion/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace cordlesion {
namespace {

/// Nearest voxel of `grid` to an LPS point; none outside.
std::optional<std::size_t> nearest_voxel(const Grid& grid, const Vec3& point) {
  const Vec3 from_origin = minus(point, grid.origin_mm);
  Index3 index{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double position =
        std::round(dot(from_origin, grid.direction[axis]) / grid.spacing_mm[axis]);
    if (position < 0 || position >= static_cast<double>(grid.size[axis])) {
      return std::nullopt;
    }
    index[axis] = static_cast<std::size_t>(position);
  }
  return index[0] + grid.size[0] * (index[1] + grid.size[1] * index[2]);
}

struct Reach {
  bool inside = false;  ///< a lesion voxel's centre lies in the image
  bool outside = false; ///< or not
};

Reach reach_of(const Image& mask, const Grid& image_grid) {
  Reach reach;
  const Grid& grid = mask.grid();
  for (std::size_t offset = 0; offset < mask.voxels().size(); ++offset) {
    if (mask.voxels()[offset] > 0) {
      const std::size_t row = offset / grid.size[0];
      const Vec3 point = point_of(grid, {static_cast<double>(offset % grid.size[0]),
                                         static_cast<double>(row % grid.size[1]),
                                         static_cast<double>(row / grid.size[1])});
      (nearest_voxel(image_grid, point) ? reach.inside : reach.outside) = true;
    }
  }
  return reach;
}

std::vector<std::uint8_t> resampled_voxels(const Image& mask, const Grid& target) {
  std::vector<std::uint8_t> voxels(voxel_count(target), 0);
  std::size_t offset = 0;
  for (std::size_t k = 0; k < target.size[2]; ++k) {
    for (std::size_t j = 0; j < target.size[1]; ++j) {
      for (std::size_t i = 0; i < target.size[0]; ++i, ++offset) {
        const Vec3 point = point_of(
            target, {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        const auto source = nearest_voxel(mask.grid(), point);
        voxels[offset] = source && mask.voxels()[*source] > 0 ? 1 : 0;
      }
    }
  }
  return voxels;
}

/// Whether it holds anything but 0 and one positive value.
bool is_not_binary(const Image& mask) {
  float lesion_value = 0;
  for (const float value : mask.voxels()) {
    if (value != 0 && lesion_value == 0) {
      lesion_value = value;
    }
    if (value < 0 || (value != 0 && value != lesion_value)) {
      return true;
    }
  }
  return false;
}

} // namespace

SliceStack<std::uint8_t> threshold_mask(const SliceStack<float>& probability, double threshold) {
  SliceStack<std::uint8_t> mask{.slices = probability.slices,
                                .rows = probability.rows,
                                .columns = probability.columns,
                                .slice_spacing_mm = probability.slice_spacing_mm,
                                .row_spacing_mm = probability.row_spacing_mm,
                                .column_spacing_mm = probability.column_spacing_mm,
                                .pixels = std::vector<std::uint8_t>(probability.pixels.size())};
  std::transform(probability.pixels.begin(), probability.pixels.end(), mask.pixels.begin(),
                 [threshold](float p) { return p >= threshold ? 1 : 0; });
  return mask;
}

std::size_t count_voxels(const SliceStack<std::uint8_t>& mask) {
  return static_cast<std::size_t>(std::count(mask.pixels.begin(), mask.pixels.end(), 1));
}

AlignedMask align_mask(const Image& mask, const Grid& image_grid) {
  AlignedMask aligned;
  aligned.not_binary = is_not_binary(mask);
  aligned.resampled = max_corner_error_mm(mask.grid(), image_grid) > same_grid_mm;
  std::vector<std::uint8_t> voxels;
  Reach reach;
  if (aligned.resampled) {
    voxels = resampled_voxels(mask, image_grid);
    reach = reach_of(mask, image_grid);
    aligned.cut = reach.outside;
  } else {
    voxels.resize(mask.voxels().size());
    std::transform(mask.voxels().begin(), mask.voxels().end(), voxels.begin(),
                   [](float value) { return value > 0 ? 1 : 0; });
  }
  const auto is_lesion = [](auto value) { return value > 0; };
  if (std::any_of(mask.voxels().begin(), mask.voxels().end(), is_lesion) &&
      std::none_of(voxels.begin(), voxels.end(), is_lesion)) {
    if (reach.inside) {
      throw case_error(Stage::segment, "mask_vanishes",
                       "the mask's lesion lies between the voxels of the image, which is coarser",
                       "Draw or resample the mask on the image's own grid.");
    }
    throw case_error(Stage::segment, "mask_no_overlap",
                     "the mask has lesion voxels, but none lies inside the image",
                     "Check that the mask belongs to this case and keeps the image's geometry.");
  }
  aligned.mask = Mask(image_grid, std::move(voxels));
  return aligned;
}

} // namespace cordlesion
