// The exact distance transform: one axis after the other, each the lower envelope of parabolas.
#include "cordlesion/core/distance_transform.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace cordlesion {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The transform of one line of voxels, with buffers kept from line to line.
class LineTransform {
 public:
  LineTransform(std::size_t length, double spacing_mm)
      : spacing2_(spacing_mm * spacing_mm), values_(length), apex_(length), begin_(length) {}

  /// Replaces the values at data[0], data[step], ... by min over q of their own plus (p - q)^2.
  void apply(double* data, std::size_t step) {
    const std::size_t length = values_.size();
    for (std::size_t i = 0; i < length; ++i) {
      values_[i] = data[i * step];
    }
    const std::size_t parabolas = build_envelope();
    if (parabolas == 0) {
      return; // no site reaches this line
    }
    std::size_t current = 0;
    for (std::size_t p = 0; p < length; ++p) {
      const auto position = static_cast<double>(p);
      while (current + 1 < parabolas && begin_[current + 1] <= position) {
        ++current;
      }
      const double offset = position - static_cast<double>(apex_[current]);
      data[p * step] = values_[apex_[current]] + spacing2_ * offset * offset;
    }
  }

 private:
  /// Where the parabola at `q` begins to lie below the one at `earlier`.
  double crossing(std::size_t earlier, std::size_t q) const {
    const auto a = static_cast<double>(earlier);
    const auto b = static_cast<double>(q);
    return ((values_[q] - values_[earlier]) / spacing2_ + b * b - a * a) / (2 * (b - a));
  }

  std::size_t build_envelope() {
    std::size_t count = 0;
    for (std::size_t q = 0; q < values_.size(); ++q) {
      if (values_[q] == infinity) {
        continue;
      }
      double begin = -infinity;
      while (count > 0) {
        begin = crossing(apex_[count - 1], q);
        if (begin > begin_[count - 1]) {
          break;
        }
        --count;
        begin = -infinity;
      }
      apex_[count] = q;
      begin_[count] = begin;
      ++count;
    }
    return count;
  }

  double spacing2_;
  std::vector<double> values_;
  std::vector<std::size_t> apex_; ///< of each parabola of the envelope
  std::vector<double> begin_;     ///< where it begins to be the lowest
};

} // namespace

std::vector<double> squared_distances_mm2(const SliceStack<std::uint8_t>& sites) {
  std::vector<double> squared(sites.pixels.size());
  std::transform(sites.pixels.begin(), sites.pixels.end(), squared.begin(),
                 [](std::uint8_t site) { return site != 0 ? 0 : infinity; });
  const std::array<std::size_t, 3> length{sites.columns, sites.rows, sites.slices};
  const std::array<std::size_t, 3> step{1, sites.columns, sites.slice_size()};
  const std::array<double, 3> spacing_mm{sites.column_spacing_mm, sites.row_spacing_mm,
                                         sites.slice_spacing_mm};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    LineTransform line(length[axis], spacing_mm[axis]);
    for (std::size_t offset = 0; offset < squared.size(); ++offset) {
      if (offset / step[axis] % length[axis] == 0) { // the first voxel of a line
        line.apply(squared.data() + offset, step[axis]);
      }
    }
  }
  return squared;
}

} // namespace cordlesion
