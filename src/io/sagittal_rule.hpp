// Whether a grid can be cut into sagittal slices without interpolation.
#pragma once

#include "cordlesion/core/geometry.hpp"

#include <optional>
#include <string>

namespace cordlesion::io {

/// Largest angle between the slice normal and left-right.
inline constexpr double max_sagittal_angle_deg = 30;
/// Largest ratio of two spacings of a volume that counts as near-isotropic.
inline constexpr double max_isotropy_ratio = 2;

/// Angle in degrees between a direction and the patient's left-right axis, 0 to 90.
double angle_to_left_right_deg(const Vec3& direction);

/// None if sagittal slices can be taken from the grid; otherwise the reason in one sentence without
/// full stop.
/// @param acquired_axis  the axis along which slices were acquired, if known (DICOM: 2)
std::optional<std::string> not_sagittal_reason(const Grid& grid,
                                               std::optional<std::size_t> acquired_axis);

} // namespace cordlesion::io
