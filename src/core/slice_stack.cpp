// Re-ordering of voxels into canonical sagittal slices and back.
#include "cordlesion/core/slice_stack.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace cordlesion {
namespace {

// Patient directions (LPS) of growing column, row and slice index: posterior, inferior, left.
constexpr std::array<Vec3, 3> canonical_directions{Vec3{0, 1, 0}, Vec3{0, 0, -1}, Vec3{1, 0, 0}};

/// Start and per-axis steps, in source voxels, of a walk over the canonical order.
struct Walk {
  std::ptrdiff_t start = 0;
  std::array<std::ptrdiff_t, 3> step{};
};

Walk walk_of(const Grid& grid, const CanonicalAxes& axes) {
  const std::array<std::ptrdiff_t, 3> stride{
      1, static_cast<std::ptrdiff_t>(grid.size[0]),
      static_cast<std::ptrdiff_t>(grid.size[0] * grid.size[1])};
  Walk walk;
  for (std::size_t k = 0; k < 3; ++k) {
    const std::size_t source = axes.source_axis[k];
    walk.step[k] = axes.flipped[k] ? -stride[source] : stride[source];
    if (axes.flipped[k]) {
      walk.start += stride[source] * (static_cast<std::ptrdiff_t>(grid.size[source]) - 1);
    }
  }
  return walk;
}

/// Calls visit(position in the stack, position in the volume) for every voxel.
template <typename Visit>
void for_each_voxel(const Grid& grid, const CanonicalAxes& axes, Visit visit) {
  const Walk walk = walk_of(grid, axes);
  const auto length = [&](std::size_t k) {
    return static_cast<std::ptrdiff_t>(grid.size[axes.source_axis[k]]);
  };
  std::size_t position = 0;
  for (std::ptrdiff_t s = 0; s < length(2); ++s) {
    for (std::ptrdiff_t r = 0; r < length(1); ++r) {
      std::ptrdiff_t source = walk.start + s * walk.step[2] + r * walk.step[1];
      for (std::ptrdiff_t c = 0; c < length(0); ++c, source += walk.step[0]) {
        visit(position++, static_cast<std::size_t>(source));
      }
    }
  }
}

} // namespace

CanonicalAxes canonical_axes(const Grid& grid) {
  std::array<std::size_t, 3> candidate{0, 1, 2};
  std::array<std::size_t, 3> best = candidate;
  double best_alignment = -1;
  do {
    double alignment = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      alignment += std::abs(dot(grid.direction[candidate[k]], canonical_directions[k]));
    }
    if (alignment > best_alignment + 1e-9) {
      best_alignment = alignment;
      best = candidate;
    }
  } while (std::next_permutation(candidate.begin(), candidate.end()));
  CanonicalAxes axes{.source_axis = best};
  for (std::size_t k = 0; k < 3; ++k) {
    axes.flipped[k] = dot(grid.direction[best[k]], canonical_directions[k]) < 0;
  }
  return axes;
}

double sagittal_angle_deg(const Grid& grid, const CanonicalAxes& axes) {
  const double cosine = std::abs(dot(grid.direction[axes.source_axis[2]], canonical_directions[2]));
  return std::acos(std::min(1.0, cosine)) * 180.0 / std::numbers::pi;
}

Index3 source_index(const Grid& grid, const CanonicalAxes& axes, const Index3& canonical) {
  Index3 index{};
  for (std::size_t k = 0; k < 3; ++k) {
    const std::size_t source = axes.source_axis[k];
    index[source] = axes.flipped[k] ? grid.size[source] - 1 - canonical[k] : canonical[k];
  }
  return index;
}

std::size_t source_slice(const Grid& grid, const CanonicalAxes& axes, std::size_t slice) {
  return source_index(grid, axes, {0, 0, slice})[axes.source_axis[2]];
}

template <typename T>
SliceStack<T> to_slice_stack(const Volume<T>& volume, const CanonicalAxes& axes) {
  const Grid& grid = volume.grid();
  SliceStack<T> stack;
  stack.columns = grid.size[axes.source_axis[0]];
  stack.rows = grid.size[axes.source_axis[1]];
  stack.slices = grid.size[axes.source_axis[2]];
  stack.column_spacing_mm = grid.spacing_mm[axes.source_axis[0]];
  stack.row_spacing_mm = grid.spacing_mm[axes.source_axis[1]];
  stack.slice_spacing_mm = grid.spacing_mm[axes.source_axis[2]];
  stack.pixels.resize(voxel_count(grid));
  for_each_voxel(grid, axes, [&](std::size_t position, std::size_t source) {
    stack.pixels[position] = volume.voxels()[source];
  });
  return stack;
}

template <typename T>
Volume<T> to_volume(const SliceStack<T>& stack, const Grid& grid, const CanonicalAxes& axes) {
  std::vector<T> voxels(voxel_count(grid));
  for_each_voxel(grid, axes, [&](std::size_t position, std::size_t source) {
    voxels[source] = stack.pixels[position];
  });
  return Volume<T>(grid, std::move(voxels));
}

template <typename T>
SliceStack<T> without_slices(SliceStack<T> stack, const std::vector<std::size_t>& missing) {
  const auto size = static_cast<std::ptrdiff_t>(stack.slice_size());
  for (auto slice = missing.rbegin(); slice != missing.rend(); ++slice) {
    const auto first = stack.pixels.begin() + static_cast<std::ptrdiff_t>(*slice) * size;
    stack.pixels.erase(first, first + size);
  }
  stack.slices -= missing.size();
  return stack;
}

template <typename T>
SliceStack<T> with_blank_slices(SliceStack<T> stack, const std::vector<std::size_t>& missing) {
  for (const std::size_t slice : missing) {
    const auto at = static_cast<std::ptrdiff_t>(slice * stack.slice_size());
    stack.pixels.insert(stack.pixels.begin() + at, stack.slice_size(), T{});
  }
  stack.slices += missing.size();
  return stack;
}

template SliceStack<float> without_slices(SliceStack<float>, const std::vector<std::size_t>&);
template SliceStack<float> with_blank_slices(SliceStack<float>, const std::vector<std::size_t>&);
template SliceStack<float> to_slice_stack(const Volume<float>&, const CanonicalAxes&);
template SliceStack<std::uint8_t> to_slice_stack(const Volume<std::uint8_t>&, const CanonicalAxes&);
template Volume<float> to_volume(const SliceStack<float>&, const Grid&, const CanonicalAxes&);
template Volume<std::uint8_t> to_volume(const SliceStack<std::uint8_t>&, const Grid&,
                                        const CanonicalAxes&);

} // namespace cordlesion
