// A three-dimensional image: a grid and exactly as many voxels as the grid says.
#pragma once

#include "cordlesion/core/geometry.hpp"

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace cordlesion {

/// Voxels on a grid, axis 0 fastest. The voxel count always equals the product of the grid's sizes.
template <typename T> class Volume {
 public:
  Volume() = default;
  /// Throws std::invalid_argument if the number of voxels does not match the grid.
  Volume(const Grid& grid, std::vector<T> voxels) : grid_(grid), voxels_(std::move(voxels)) {
    if (voxels_.size() != voxel_count(grid_)) {
      throw std::invalid_argument("voxel count does not match the grid");
    }
  }

  const Grid& grid() const { return grid_; }
  const std::vector<T>& voxels() const { return voxels_; }
  std::vector<T>& voxels() { return voxels_; }

 private:
  Grid grid_{.size = {0, 0, 0}};
  std::vector<T> voxels_;
};

using Image = Volume<float>;
using Mask = Volume<std::uint8_t>; ///< 0 background, 1 lesion

} // namespace cordlesion
