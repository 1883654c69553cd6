// Whether a grid can be cut into sagittal slices without interpolation.
#include "sagittal_rule.hpp"

#include "cordlesion/core/slice_stack.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cordlesion::io {

double angle_to_left_right_deg(const Vec3& direction) {
  const double cosine = std::min(1.0, std::abs(direction[0]) / norm(direction));
  return std::acos(cosine) * 180.0 / std::numbers::pi;
}

std::optional<std::string> not_sagittal_reason(const Grid& grid,
                                               std::optional<std::size_t> acquired_axis) {
  if (acquired_axis &&
      angle_to_left_right_deg(grid.direction[*acquired_axis]) <= max_sagittal_angle_deg) {
    return std::nullopt;
  }
  const auto& spacing = grid.spacing_mm;
  const auto [finest, coarsest] = std::minmax_element(spacing.begin(), spacing.end());
  const auto thick_axis = static_cast<std::size_t>(coarsest - spacing.begin());
  const double ratio = *coarsest / *finest;
  const CanonicalAxes axes = canonical_axes(grid);
  const bool isotropic = ratio <= max_isotropy_ratio;
  const std::size_t slice_axis = isotropic ? axes.source_axis[2] : thick_axis;
  const double angle = angle_to_left_right_deg(grid.direction[slice_axis]);
  const double cut_angle = sagittal_angle_deg(grid, axes);
  if (angle <= max_sagittal_angle_deg && cut_angle <= max_sagittal_angle_deg) {
    return std::nullopt;
  }
  const std::string limit = number_text(max_sagittal_angle_deg, 0) + " degrees";
  if (isotropic) {
    return "near-isotropic, but its nearest axis lies " +
           number_text(std::max(angle, cut_angle), 1) + " degrees from left-right (at most " +
           limit + ")";
  }
  return "slice normal " + number_text(angle, 1) + " degrees from left-right (at most " + limit +
         "), and not near-isotropic (spacing ratio " + number_text(ratio, 1) + ")";
}

} // namespace cordlesion::io
