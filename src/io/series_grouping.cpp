// Frames of a study put into groups that could each be one stack of slices.
#include "series_grouping.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace cordlesion::io {
namespace {

constexpr double orientation_tolerance = 1e-3; // direction cosines, about 0.06 degrees
constexpr double same_position_mm = 0.01;
constexpr double echo_time_fraction = 0.02; // scanners write the same echo as 100.24 and 100.36 ms
constexpr double b_value_fraction = 1e-3;

bool same_direction(const Vec3& a, const Vec3& b) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (std::abs(a[i] - b[i]) > orientation_tolerance) {
      return false;
    }
  }
  return true;
}

bool same_number(double a, double b, double fraction) {
  return std::abs(a - b) <= 0.01 + fraction * std::abs(a);
}

/// Position along the normal, in hundredths of a millimetre.
long position_key(const DicomFrame& frame) {
  return std::lround(dot(frame.position_mm, cross(frame.row, frame.column)) / same_position_mm);
}

/// True if positions occur twice and the acquisition number tells the two apart. A copy of a file
/// counts once.
bool acquisitions_overlap(const std::vector<DicomFrame>& frames) {
  std::set<long> positions;
  std::set<std::pair<std::string, long>> within_acquisition;
  std::set<std::tuple<std::string, std::size_t, std::string>> instances;
  std::size_t slices = 0;
  for (const DicomFrame& frame : frames) {
    const bool copy =
        !frame.instance_uid.empty() &&
        !instances.emplace(frame.instance_uid, frame.number, frame.acquisition_number).second;
    slices += copy ? 0 : 1;
    positions.insert(position_key(frame));
    within_acquisition.emplace(frame.acquisition_number, position_key(frame));
  }
  return positions.size() < slices && within_acquisition.size() == slices;
}

void append_by_acquisition(const SliceGroup& group, std::vector<SliceGroup>& out) {
  if (!acquisitions_overlap(group.frames)) {
    out.push_back(group);
    return;
  }
  std::map<std::string, SliceGroup> parts;
  for (const DicomFrame& frame : group.frames) {
    parts[frame.acquisition_number].frames.push_back(frame);
  }
  for (auto& [number, part] : parts) {
    out.push_back(std::move(part));
  }
}

void note_faults(SliceGroup& group) {
  for (const DicomFrame& frame : group.frames) {
    if (!group.fault) {
      group.fault = frame.fault;
    }
  }
}

/// The multi-frame images in several files of which a part is missing, by their UIDs.
std::set<std::string> incomplete_concatenations(const std::vector<DicomFrame>& frames) {
  std::map<std::string, std::set<unsigned>> parts;
  for (const DicomFrame& frame : frames) {
    parts[frame.concatenation].insert(frame.part);
  }
  std::set<std::string> incomplete;
  for (const DicomFrame& frame : frames) {
    if (!frame.concatenation.empty() && parts[frame.concatenation].size() < frame.parts) {
      incomplete.insert(frame.concatenation);
    }
  }
  return incomplete;
}

void note_missing_part(const std::set<std::string>& incomplete, SliceGroup& group) {
  for (const DicomFrame& frame : group.frames) {
    if (!group.fault && incomplete.contains(frame.concatenation)) {
      group.fault =
          Warning{"concatenation_incomplete", frame.name + ": part " + std::to_string(frame.part) +
                                                  " of " + std::to_string(frame.parts) +
                                                  " of an image, not all of which " + "are there"};
    }
  }
}

/// Gives the fault of a frame that has no place to every group of its series, or to all if it does
/// not even say which series that is.
void attach_unplaced(const DicomFrame& frame, std::vector<SliceGroup>& groups) {
  bool attached = false;
  for (SliceGroup& group : groups) {
    if (frame.series_uid.empty() || group.frames.front().series_uid == frame.series_uid) {
      group.fault = group.fault ? group.fault : frame.fault;
      attached = true;
    }
  }
  if (!attached) {
    groups.push_back({{frame}, frame.fault});
  }
}

} // namespace

bool same_orientation(const DicomFrame& a, const DicomFrame& b) {
  return same_direction(a.row, b.row) && same_direction(a.column, b.column);
}

bool same_echo_time(const DicomFrame& a, const DicomFrame& b) {
  if (!a.echo_time_ms || !b.echo_time_ms) {
    return a.echo_time_ms == b.echo_time_ms;
  }
  return same_number(*a.echo_time_ms, *b.echo_time_ms, echo_time_fraction);
}

std::string difference(const DicomFrame& a, const DicomFrame& b) {
  const std::pair<bool, const char*> checks[]{
      {same_orientation(a, b), "ImageOrientationPatient"},
      {same_echo_time(a, b), "EchoTime"},
      {same_number(a.b_value.value_or(0), b.b_value.value_or(0), b_value_fraction), "b-value"},
      {a.image_type == b.image_type, "ImageType"},
      {a.stack_id == b.stack_id, "StackID"},
      {a.temporal_position == b.temporal_position, "temporal position"}};
  for (const auto& [same, name] : checks) {
    if (!same) {
      return name;
    }
  }
  return {};
}

std::vector<SliceGroup> group_frames(const std::vector<DicomFrame>& frames) {
  std::vector<SliceGroup> coarse;
  for (const DicomFrame& frame : frames) {
    if (!frame.placed) {
      continue;
    }
    const auto group = std::find_if(coarse.begin(), coarse.end(), [&](const SliceGroup& other) {
      const DicomFrame& first = other.frames.front();
      return frame.series_uid == first.series_uid && difference(frame, first).empty();
    });
    if (group != coarse.end()) {
      group->frames.push_back(frame);
    } else {
      coarse.push_back({{frame}, std::nullopt});
    }
  }
  std::vector<SliceGroup> groups;
  for (const SliceGroup& group : coarse) {
    append_by_acquisition(group, groups);
  }
  const std::set<std::string> incomplete = incomplete_concatenations(frames);
  for (SliceGroup& group : groups) {
    note_faults(group);
    note_missing_part(incomplete, group);
  }
  for (const DicomFrame& frame : frames) {
    if (!frame.placed) {
      attach_unplaced(frame, groups);
    }
  }
  return groups;
}

} // namespace cordlesion::io
