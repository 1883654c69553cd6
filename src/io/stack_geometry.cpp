// The grid of a group of slices, established from their positions alone and checked.
#include "stack_geometry.hpp"

#include "number_text.hpp"
#include "volume_limits.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <string_view>

namespace cordlesion::io {
namespace {

constexpr double same_position_mm = 0.01;
constexpr double uneven_mm = 0.1; // both limits must be exceeded
constexpr double uneven_fraction = 0.01;
constexpr double sheared_fraction = 0.001; // direction cosines rounded to three digits
constexpr std::size_t fewest_slices = 3;

void require_same_size(const std::vector<DicomFrame>& frames) {
  const DicomFrame& first = frames.front();
  const auto differs = [](double a, double b) { return std::abs(a - b) > 1e-3 * std::abs(a); };
  for (const DicomFrame& frame : frames) {
    if (frame.layout.rows != first.layout.rows || frame.layout.columns != first.layout.columns ||
        differs(first.row_spacing_mm, frame.row_spacing_mm) ||
        differs(first.column_spacing_mm, frame.column_spacing_mm)) {
      const auto text = [](const DicomFrame& f) {
        return std::to_string(f.layout.columns) + " x " + std::to_string(f.layout.rows) +
               " pixels of " + number_text(f.column_spacing_mm, 3) + " x " +
               number_text(f.row_spacing_mm, 3) + " mm";
      };
      throw case_error(Stage::read, "slice_size_differs",
                       "slices of one series differ: " + first.name + " has " + text(first) + ", " +
                           frame.name + " has " + text(frame),
                       "take the slices that do not belong to the series out of the folder");
    }
  }
}

void require_one_frame_of_reference(const std::vector<DicomFrame>& frames) {
  const DicomFrame& first = frames.front();
  for (const DicomFrame& frame : frames) {
    if (!frame.frame_of_reference.empty() && !first.frame_of_reference.empty() &&
        frame.frame_of_reference != first.frame_of_reference) {
      throw case_error(Stage::read, "frame_of_reference_differs",
                       first.name + " and " + frame.name +
                           " belong to one series, but the FrameOfReferenceUID in which their "
                           "positions are given differs",
                       "take the slices that do not belong to the series out of the folder");
    }
  }
}

/// A file and its copy lie at one place. The InstanceNumber counts too, for some anonymisers give
/// every file one SOPInstanceUID.
void require_own_instances(const std::vector<DicomFrame>& frames) {
  std::map<std::pair<std::string_view, std::string_view>, const DicomFrame*> seen;
  for (const DicomFrame& frame : frames) {
    if (frame.instance_uid.empty()) {
      continue;
    }
    const DicomFrame& other =
        *seen.try_emplace({frame.instance_uid, frame.instance_number}, &frame).first->second;
    const double apart = norm(minus(frame.position_mm, other.position_mm));
    if (frame.file != other.file && apart > same_position_mm) {
      throw case_error(Stage::read, "instance_twice",
                       other.name + " and " + frame.name +
                           " have one SOPInstanceUID and InstanceNumber, but lie " +
                           number_text(apart, 2) + " mm apart: two images are mixed",
                       "give each patient's folder as an input of its own, or take the slices that "
                       "do not belong to the series out of the folder");
    }
  }
}

/// How far apart two edges of that many pixels end that begin at one point.
double edge_offset_mm(const Vec3& a, double spacing_a, const Vec3& b, double spacing_b,
                      std::size_t pixels) {
  const auto steps = static_cast<double>(pixels - 1);
  Vec3 apart{};
  for (std::size_t k = 0; k < 3; ++k) {
    apart[k] = steps * (spacing_a * a[k] - spacing_b * b[k]);
  }
  return norm(apart);
}

/// The image has one spacing and orientation, so those of its slices must put corners at one place.
void require_same_corners(const std::vector<DicomFrame>& frames) {
  const DicomFrame& first = frames.front();
  for (const DicomFrame& frame : frames) {
    const double off = edge_offset_mm(first.row, first.column_spacing_mm, frame.row,
                                      frame.column_spacing_mm, frame.layout.columns) +
                       edge_offset_mm(first.column, first.row_spacing_mm, frame.column,
                                      frame.row_spacing_mm, frame.layout.rows);
    if (off > same_position_mm) {
      throw case_error(Stage::read, "slice_size_differs",
                       "slices of one series differ: by PixelSpacing and ImageOrientationPatient " +
                           first.name + " and " + frame.name + " end " + number_text(off, 2) +
                           " mm apart (at most " + number_text(same_position_mm, 2) + " mm)",
                       "take the slices that do not belong to the series out of the folder");
    }
  }
}

/// Two frames count as one slice if they lie at one position along the normal.
void sort_slices(const std::vector<DicomFrame>& frames, const std::vector<double>& along,
                 StackGeometry& geometry) {
  std::vector<std::size_t> sorted(frames.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](std::size_t a, std::size_t b) { return along[a] < along[b]; });
  for (const std::size_t frame : sorted) {
    if (!geometry.order.empty() && along[frame] - along[geometry.order.back()] < same_position_mm) {
      geometry.duplicates.emplace_back(geometry.order.size() - 1, frame);
    } else {
      geometry.order.push_back(frame);
    }
  }
}

void require_enough(const std::vector<DicomFrame>& frames, const StackGeometry& geometry) {
  if (geometry.order.size() >= fewest_slices) {
    return;
  }
  const std::string& first = frames.front().name;
  if (geometry.order.size() == 1 && frames.size() > 1) {
    throw case_error(Stage::read, "slices_at_one_position",
                     "all " + std::to_string(frames.size()) + " slices of the series of " + first +
                         " lie at one position",
                     "export the series again");
  }
  throw case_error(Stage::read, "too_few_slices",
                   "the series of " + first + " has " + std::to_string(geometry.order.size()) +
                       " slice(s), at least " + std::to_string(fewest_slices) + " expected",
                   "check that the whole series was exported");
}

double median_gap(const std::vector<double>& along, const std::vector<std::size_t>& order) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < order.size(); ++i) {
    gaps.push_back(along[order[i]] - along[order[i - 1]]);
  }
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

/// The first place where neighbours lie further apart, or nearer, than the others.
std::optional<Error> uneven_gap(const std::vector<DicomFrame>& frames,
                                const std::vector<double>& along,
                                const std::vector<std::size_t>& order) {
  const double expected = median_gap(along, order);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const double gap = along[order[i]] - along[order[i - 1]];
    const double off = std::abs(gap - expected);
    if (off > uneven_mm && off > uneven_fraction * expected) {
      const double missing = gap / expected - 1;
      const bool whole = missing > 0.5 && std::abs(missing - std::round(missing)) < 0.05;
      return case_error(
          Stage::read, "slice_gap",
          "between " + frames[order[i - 1]].name + " and " + frames[order[i]].name + " lie " +
              number_text(gap, 2) + " mm, " + number_text(expected, 2) + " mm expected" +
              (whole ? ": " + number_text(std::round(missing), 0) + " slice(s) missing" : ""),
          "export the whole series again, or use --allow-gaps to go without volumes");
    }
  }
  return std::nullopt;
}

/// Puts unevenly spaced slices at the nearest places of a grid that keeps the first and the last
/// exactly. Throws `gap` if two would come to one place.
void leave_gaps(const Error& gap, const std::vector<double>& along, StackGeometry& geometry) {
  const std::vector<std::size_t>& order = geometry.order;
  const double length = along[order.back()] - along[order.front()];
  const double places = std::round(length / median_gap(along, order));
  if (places > static_cast<double>(max_voxels)) {
    throw gap;
  }
  const double spacing = length / places;
  double furthest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double exact = (along[order[i]] - along[order.front()]) / spacing;
    geometry.place[i] = static_cast<std::size_t>(std::lround(exact));
    furthest = std::max(furthest, std::abs(exact - std::round(exact)) * spacing);
    if (i > 0 && geometry.place[i] <= geometry.place[i - 1]) {
      throw gap;
    }
  }
  std::string message =
      std::string(gap.what()) + "; as asked, each slice is taken by itself and no volume is given";
  if (furthest > same_position_mm) {
    message += "; slices lie up to " + number_text(furthest, 2) + " mm off the mask's grid";
  }
  geometry.gaps = Warning{"slice_gaps", message};
}

/// Every slice must lie straight above the first one.
void require_straight(const std::vector<DicomFrame>& frames, const std::vector<double>& along,
                      const DicomFrame& first, double first_along, const Vec3& normal) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Vec3 aside{};
    for (std::size_t k = 0; k < 3; ++k) {
      aside[k] =
          frames[i].position_mm[k] - first.position_mm[k] - (along[i] - first_along) * normal[k];
    }
    const double distance = norm(aside);
    if (distance > uneven_mm && distance > sheared_fraction * std::abs(along[i] - first_along)) {
      throw case_error(Stage::read, "sheared_stack",
                       frames[i].name + " lies " + number_text(distance, 2) +
                           " mm aside of the stack that begins with " + first.name +
                           ": the stack is sheared (gantry tilt) or mixed",
                       "resample the series to a straight stack, or take out what does not belong");
    }
  }
}

Vec3 unit(const Vec3& v) {
  const double length = norm(v);
  return {v[0] / length, v[1] / length, v[2] / length};
}

} // namespace

StackGeometry establish_geometry(const std::vector<DicomFrame>& frames, bool allow_gaps) {
  require_same_size(frames);
  require_one_frame_of_reference(frames);
  require_own_instances(frames);
  require_same_corners(frames);
  const Vec3 row = unit(frames.front().row);
  const Vec3 normal = unit(cross(row, frames.front().column));
  std::vector<double> along;
  along.reserve(frames.size());
  for (const DicomFrame& frame : frames) {
    along.push_back(dot(frame.position_mm, normal));
  }
  StackGeometry geometry;
  sort_slices(frames, along, geometry);
  require_enough(frames, geometry);
  const std::size_t bottom = geometry.order.front();
  const std::size_t top = geometry.order.back();
  const DicomFrame& first = frames[bottom];
  require_straight(frames, along, first, along[bottom], normal);
  geometry.place.resize(geometry.order.size());
  std::iota(geometry.place.begin(), geometry.place.end(), 0);
  if (const auto gap = uneven_gap(frames, along, geometry.order)) {
    if (!allow_gaps) {
      throw Error(*gap);
    }
    leave_gaps(*gap, along, geometry);
  }
  const std::size_t last = geometry.place.back();
  Grid& grid = geometry.grid;
  grid.size = {first.layout.columns, first.layout.rows, last + 1};
  grid.spacing_mm = {first.column_spacing_mm, first.row_spacing_mm,
                     (along[top] - along[bottom]) / static_cast<double>(last)};
  grid.origin_mm = first.position_mm;
  grid.direction = {row, cross(normal, row), normal};
  require_valid(grid);
  require_size_within_limit({static_cast<std::int64_t>(grid.size[0]),
                             static_cast<std::int64_t>(grid.size[1]),
                             static_cast<std::int64_t>(grid.size[2])},
                            "the series of " + first.name);
  return geometry;
}

} // namespace cordlesion::io
