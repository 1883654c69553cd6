// Connected components of a lesion mask and their measures.
#include "cordlesion/core/lesions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace cordlesion {
namespace {

struct Position {
  std::size_t slice;
  std::size_t row;
  std::size_t column;
};

template <typename T> Position position_of(const SliceStack<T>& stack, std::size_t offset) {
  const std::size_t in_slice = offset % stack.slice_size();
  return {offset / stack.slice_size(), in_slice / stack.columns, in_slice % stack.columns};
}

/// First and last index within one voxel of `index` on an axis of `length` voxels.
std::pair<std::size_t, std::size_t> neighbours(std::size_t index, std::size_t length) {
  return {index == 0 ? 0 : index - 1, std::min(index + 1, length - 1)};
}

void flood(const SliceStack<std::uint8_t>& mask, std::size_t seed, std::int32_t label,
           std::vector<std::int32_t>& labels) {
  std::vector<std::size_t> pending{seed};
  labels[seed] = label;
  while (!pending.empty()) {
    const Position at = position_of(mask, pending.back());
    pending.pop_back();
    const auto [slice_from, slice_to] = neighbours(at.slice, mask.slices);
    const auto [row_from, row_to] = neighbours(at.row, mask.rows);
    const auto [column_from, column_to] = neighbours(at.column, mask.columns);
    for (std::size_t s = slice_from; s <= slice_to; ++s) {
      for (std::size_t r = row_from; r <= row_to; ++r) {
        for (std::size_t c = column_from; c <= column_to; ++c) {
          const std::size_t offset = s * mask.slice_size() + r * mask.columns + c;
          if (mask.pixels[offset] != 0 && labels[offset] == 0) {
            labels[offset] = label;
            pending.push_back(offset);
          }
        }
      }
    }
  }
}

/// Running sums over the voxels of one component.
struct Tally {
  std::size_t voxels = 0;
  std::size_t first_row = std::numeric_limits<std::size_t>::max();
  std::size_t last_row = 0;
  std::size_t first_column = std::numeric_limits<std::size_t>::max();
  std::size_t last_column = 0;
  Vec3 index_sum{};
  double intensity_mean = 0;
  double squared_deviations = 0; ///< of the intensities, from their mean
  bool touches_border = false;
  std::map<std::size_t, std::size_t> voxels_by_slice; ///< key: canonical slice
};

void add(Tally& tally, const Position& at, const SliceStack<std::uint8_t>& mask, float intensity,
         const Index3& source) {
  ++tally.voxels;
  tally.first_row = std::min(tally.first_row, at.row);
  tally.last_row = std::max(tally.last_row, at.row);
  tally.first_column = std::min(tally.first_column, at.column);
  tally.last_column = std::max(tally.last_column, at.column);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    tally.index_sum[axis] += static_cast<double>(source[axis]);
  }
  const double deviation = intensity - tally.intensity_mean; // Welford's update
  tally.intensity_mean += deviation / static_cast<double>(tally.voxels);
  tally.squared_deviations += deviation * (intensity - tally.intensity_mean);
  tally.touches_border = tally.touches_border || at.row == 0 || at.row + 1 == mask.rows ||
                         at.column == 0 || at.column + 1 == mask.columns || at.slice == 0 ||
                         at.slice + 1 == mask.slices;
  ++tally.voxels_by_slice[at.slice];
}

Lesion lesion_of(const Tally& tally, const SliceStack<std::uint8_t>& mask, const Grid& source,
                 const CanonicalAxes& axes) {
  Lesion lesion;
  const auto count = static_cast<double>(tally.voxels);
  lesion.voxels = tally.voxels;
  lesion.volume_mm3 = count * mask.voxel_mm3();
  lesion.length_si_mm =
      static_cast<double>(tally.last_row - tally.first_row + 1) * mask.row_spacing_mm;
  lesion.width_ap_mm =
      static_cast<double>(tally.last_column - tally.first_column + 1) * mask.column_spacing_mm;
  lesion.mean_intensity = tally.intensity_mean;
  lesion.sd_intensity = std::sqrt(tally.squared_deviations / count);
  lesion.touches_border = tally.touches_border;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    lesion.centroid_voxel[axis] = tally.index_sum[axis] / count;
  }
  const Vec3 lps = point_of(source, lesion.centroid_voxel);
  lesion.centroid_ras_mm = {-lps[0], -lps[1], lps[2]};
  for (const auto& [slice, voxels] : tally.voxels_by_slice) {
    const double area = static_cast<double>(voxels) * mask.row_spacing_mm * mask.column_spacing_mm;
    lesion.max_area_mm2 = std::max(lesion.max_area_mm2, area);
    lesion.slices.push_back(source_slice(source, axes, slice));
  }
  std::sort(lesion.slices.begin(), lesion.slices.end());
  return lesion;
}

} // namespace

Components connected_components(const SliceStack<std::uint8_t>& mask) {
  Components components{.labels = std::vector<std::int32_t>(mask.pixels.size(), 0)};
  for (std::size_t offset = 0; offset < mask.pixels.size(); ++offset) {
    if (mask.pixels[offset] != 0 && components.labels[offset] == 0) {
      flood(mask, offset, ++components.count, components.labels);
    }
  }
  return components;
}

std::size_t remove_small_lesions(SliceStack<std::uint8_t>& mask, double min_volume_mm3) {
  const Components components = connected_components(mask);
  std::vector<std::size_t> voxels(static_cast<std::size_t>(components.count) + 1, 0);
  for (std::int32_t label : components.labels) {
    ++voxels[static_cast<std::size_t>(label)];
  }
  std::set<std::int32_t> small;
  for (std::int32_t label = 1; label <= components.count; ++label) {
    if (static_cast<double>(voxels[static_cast<std::size_t>(label)]) * mask.voxel_mm3() <
        min_volume_mm3) {
      small.insert(label);
    }
  }
  for (std::size_t offset = 0; offset < mask.pixels.size(); ++offset) {
    if (small.count(components.labels[offset]) != 0) {
      mask.pixels[offset] = 0;
    }
  }
  return small.size();
}

std::vector<Lesion> measure_lesions(const SliceStack<std::uint8_t>& mask,
                                    const SliceStack<float>& normalised, const Grid& source,
                                    const CanonicalAxes& axes) {
  const Components components = connected_components(mask);
  std::vector<Tally> tallies(static_cast<std::size_t>(components.count));
  for (std::size_t offset = 0; offset < mask.pixels.size(); ++offset) {
    if (components.labels[offset] != 0) {
      const Position at = position_of(mask, offset);
      add(tallies[static_cast<std::size_t>(components.labels[offset] - 1)], at, mask,
          normalised.pixels[offset], source_index(source, axes, {at.column, at.row, at.slice}));
    }
  }
  std::vector<Lesion> lesions;
  lesions.reserve(tallies.size());
  for (const Tally& tally : tallies) {
    lesions.push_back(lesion_of(tally, mask, source, axes));
  }
  std::stable_sort(lesions.begin(), lesions.end(),
                   [](const Lesion& a, const Lesion& b) { return a.voxels > b.voxels; });
  for (std::size_t i = 0; i < lesions.size(); ++i) {
    lesions[i].id = static_cast<int>(i) + 1;
  }
  return lesions;
}

} // namespace cordlesion
