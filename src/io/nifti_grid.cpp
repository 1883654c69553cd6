// Where the voxels of a NIfTI file lie: sform and qform as LPS grids (NIfTI-1 standard, methods 2
// and 3).
#include "cordlesion/core/error.hpp"
#include "nifti_header.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace cordlesion::io {
namespace {

Error failure(std::string code, const std::string& name, const std::string& what,
              std::string hint = {}) {
  return case_error(Stage::read, std::move(code), name + ": " + what, std::move(hint));
}

using Affine = std::array<std::array<double, 4>, 3>;

/// The square of the quaternion's first component, which the header leaves out.
double square_of_a(const NiftiHeader& header, const std::string& name) {
  const auto [b, c, d] = header.quaternion;
  const double squares = b * b + c * c + d * d;
  if (!(squares <= 1.0 + 1e-4)) {
    throw failure("bad_orientation", name, "the quaternion of the qform is not of unit length");
  }
  return std::max(0.0, 1.0 - squares);
}

/// Rotation of the quaternion, times the spacing, with the offset (NIfTI method 2).
Affine qform_affine(const NiftiHeader& header, double a) {
  const auto [b, c, d] = header.quaternion;
  const double z_sign = header.pixdim[0] < 0 ? -1.0 : 1.0;
  const double sx = header.pixdim[1];
  const double sy = header.pixdim[2];
  const double sz = header.pixdim[3] * z_sign;
  return {{{(a * a + b * b - c * c - d * d) * sx, 2 * (b * c - a * d) * sy,
            2 * (b * d + a * c) * sz, header.offset[0]},
           {2 * (b * c + a * d) * sx, (a * a + c * c - b * b - d * d) * sy,
            2 * (c * d - a * b) * sz, header.offset[1]},
           {2 * (b * d - a * c) * sx, 2 * (c * d + a * b) * sy,
            (a * a + d * d - b * b - c * c) * sz, header.offset[2]}}};
}

/// RAS affine to LPS grid, lengths in mm.
Grid grid_of_affine(const Affine& ras, const NiftiHeader& header, double mm,
                    const std::string& name) {
  Grid grid;
  grid.size = {static_cast<std::size_t>(header.dim[1]), static_cast<std::size_t>(header.dim[2]),
               static_cast<std::size_t>(header.dim[3])};
  const Vec3 lps_sign{-mm, -mm, mm};
  for (std::size_t row = 0; row < 3; ++row) {
    grid.origin_mm[row] = ras[row][3] * lps_sign[row];
    for (std::size_t axis = 0; axis < 3; ++axis) {
      grid.direction[axis][row] = ras[row][axis] * lps_sign[row];
    }
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double length = norm(grid.direction[axis]);
    if (!(length > 0) || !std::isfinite(length)) {
      throw failure("bad_orientation", name, "an axis of the voxel grid has no direction");
    }
    grid.spacing_mm[axis] = length;
    for (double& component : grid.direction[axis]) {
      component /= length;
    }
  }
  return grid;
}

double millimetres_per_unit(int units) {
  switch (units & 7) {
  case 1:
    return 1000.0; // metre
  case 3:
    return 0.001; // micrometre
  default:
    return 1.0;
  }
}

Grid qform_grid(const NiftiHeader& header, double a, double mm, const std::string& name) {
  return grid_of_affine(qform_affine(header, a), header, mm, name);
}

/// Largest distance of a corner between `sform` and the qform. The header holds b, c and d in
/// single precision and a follows from their squares, so near half turns the qform stands for a
/// range of rotations that moves corners by tenths of a millimetre: the nearest of the range
/// counts.
double apart_mm(const Grid& sform, const NiftiHeader& header, double mm, const std::string& name) {
  constexpr double rounding = 1.5e-7; // of b^2 + c^2 + d^2
  constexpr int steps = 32;
  const double square = square_of_a(header, name);
  const double low = std::sqrt(std::max(0.0, square - rounding));
  const double high = std::sqrt(square + rounding);
  double nearest = max_corner_error_mm(sform, qform_grid(header, std::sqrt(square), mm, name));
  for (int step = 0; step <= steps; ++step) {
    const double a = low + (high - low) * step / steps;
    nearest = std::min(nearest, max_corner_error_mm(sform, qform_grid(header, a, mm, name)));
  }
  return nearest;
}

} // namespace

Grid grid_of(const NiftiHeader& header, Orientation orientation, const std::string& name) {
  for (std::size_t axis = 1; axis <= 3; ++axis) {
    if (!(header.pixdim[axis] > 0) || !std::isfinite(header.pixdim[axis])) {
      throw failure("bad_spacing", name,
                    "voxel spacing " + std::to_string(header.pixdim[axis]) + " on axis " +
                        std::to_string(axis) + ", a positive number expected");
    }
  }
  constexpr int last_code = 5; // NIFTI_XFORM_TEMPLATE_OTHER
  if (std::max(header.sform_code, header.qform_code) > last_code) {
    throw failure("bad_orientation", name,
                  "sform code " + std::to_string(header.sform_code) + " and qform code " +
                      std::to_string(header.qform_code) + ", at most " + std::to_string(last_code) +
                      " expected",
                  "the header is damaged: convert from the DICOM files again");
  }
  if (header.sform_code <= 0 && header.qform_code <= 0) {
    throw failure("no_orientation", name,
                  "neither qform nor sform say where the voxels lie in the patient",
                  "convert from the DICOM files again, to NIfTI");
  }
  const double mm = millimetres_per_unit(header.units);
  const bool qform_wanted = orientation == Orientation::qform && header.qform_code > 0;
  if (header.sform_code <= 0 || qform_wanted) {
    return qform_grid(header, std::sqrt(square_of_a(header, name)), mm, name);
  }
  const Grid grid = grid_of_affine(header.sform, header, mm, name);
  if (header.qform_code > 0 && orientation == Orientation::agreeing) {
    const double apart = apart_mm(grid, header, mm, name);
    if (!(apart <= 0.1)) {
      throw failure("sform_qform_disagree", name,
                    "sform and qform place a corner " + std::to_string(apart) +
                        " mm apart, 0.1 mm allowed",
                    "find out which of the two is right and name it with --prefer sform or "
                    "--prefer qform");
    }
  }
  return grid;
}

} // namespace cordlesion::io
