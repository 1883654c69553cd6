// Parts of one stack of slices that some value in their headers keeps apart.
#include "stack_parts.hpp"

#include "cordlesion/core/counted.hpp"
#include "series_grouping.hpp"

#include <algorithm>
#include <cmath>

namespace cordlesion::io {
namespace {

constexpr double same_place_mm = 0.1;
constexpr double straight_mm = 1; // further aside begins another stack

Vec3 normal_of(const DicomFrame& frame) {
  return cross(frame.row, frame.column);
}

/// Where slices lie along a normal.
class Positions {
 public:
  Positions(const std::vector<DicomFrame>& frames, const Vec3& normal) {
    for (const DicomFrame& frame : frames) {
      sorted_.push_back(dot(frame.position_mm, normal));
    }
    std::sort(sorted_.begin(), sorted_.end());
  }

  bool contain(double position) const {
    const auto next = std::lower_bound(sorted_.begin(), sorted_.end(), position - same_place_mm);
    return next != sorted_.end() && *next <= position + same_place_mm;
  }

  bool enclose(double position) const {
    return sorted_.front() < position && position < sorted_.back();
  }

 private:
  std::vector<double> sorted_;
};

Vec3 along(const Vec3& from, const Vec3& direction, double steps) {
  return {from[0] + steps * direction[0], from[1] + steps * direction[1],
          from[2] + steps * direction[2]};
}

/// The frame as if its rows and columns ran as those of `other`, where they run the opposite way.
DicomFrame turned_as(const DicomFrame& other, DicomFrame frame) {
  const auto turn = [&](Vec3& direction, const Vec3& wanted, double spacing, std::size_t pixels) {
    if (dot(direction, wanted) < 0) {
      frame.position_mm =
          along(frame.position_mm, direction, spacing * static_cast<double>(pixels - 1));
      direction = {-direction[0], -direction[1], -direction[2]};
    }
  };
  turn(frame.row, other.row, frame.column_spacing_mm, frame.layout.columns);
  turn(frame.column, other.column, frame.row_spacing_mm, frame.layout.rows);
  return frame;
}

/// Whether a frame lies straight above or below another one, be it mirrored.
bool in_one_stack(const DicomFrame& frame, const DicomFrame& b) {
  const DicomFrame a = turned_as(b, frame);
  if (!a.placed || !b.placed || !same_orientation(a, b)) {
    return false;
  }
  const Vec3 normal = normal_of(b);
  const Vec3 way = minus(a.position_mm, b.position_mm);
  const double up = dot(way, normal);
  return std::sqrt(std::max(0.0, dot(way, way) - up * up)) <= straight_mm;
}

/// Slices of another part at places where the chosen one has none.
struct Apart {
  std::size_t count = 0;
  bool between = false;              ///< one at least lies between chosen slices
  const DicomFrame* first = nullptr; ///< the first of them
};

Apart slices_apart(const std::vector<DicomFrame>& others, const DicomFrame& front,
                   const Positions& chosen) {
  Apart apart;
  for (const DicomFrame& other : others) {
    const double position = dot(other.position_mm, normal_of(front));
    if (in_one_stack(other, front) && !chosen.contain(position)) {
      ++apart.count;
      apart.between |= chosen.enclose(position);
      apart.first = apart.first != nullptr ? apart.first : &other;
    }
  }
  return apart;
}

std::string description_of(const Apart& apart, const StudyCandidate& chosen) {
  const std::string what = difference(*apart.first, chosen.frames.front());
  return counted(apart.count, "slice") + " of the chosen series, the first being " +
         apart.first->name + ", " + (apart.count == 1 ? "lies " : "lie ") +
         (apart.between ? "between" : "beside") + " the " + std::to_string(chosen.frames.size()) +
         " that form the image, but with another " + (what.empty() ? "AcquisitionNumber" : what);
}

} // namespace

bool covers(const std::vector<DicomFrame>& part, const std::vector<DicomFrame>& whole) {
  const Vec3 normal = normal_of(whole.front());
  const Positions positions(part, normal);
  return std::all_of(whole.begin(), whole.end(), [&](const DicomFrame& frame) {
    return positions.contain(dot(frame.position_mm, normal));
  });
}

void report_left_out(const std::vector<StudyCandidate>& candidates, const StudyCandidate& chosen,
                     std::vector<Warning>& warnings) {
  const DicomFrame& front = chosen.frames.front();
  const Positions positions(chosen.frames, normal_of(front));
  for (const StudyCandidate& other : candidates) {
    if (&other == &chosen || other.series_uid != chosen.series_uid) {
      continue;
    }
    const Apart apart = slices_apart(other.frames, front, positions);
    if (apart.count == 0) {
      continue;
    }
    const std::string message = description_of(apart, chosen);
    if (apart.between && !chosen.geometry.gaps) {
      throw case_error(Stage::select, "series_divided", message,
                       "correct the headers if they are one stack, or take the others out of the "
                       "folder");
    }
    warnings.push_back({"slices_left_out", message + "; left out"});
  }
}

} // namespace cordlesion::io
