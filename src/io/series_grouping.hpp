// Frames of a study put into groups that could each be one stack of slices.
#pragma once

#include "dicom_frame.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

/// Frames that belong together: one series, orientation, echo, image type, stack, time and b-value.
struct SliceGroup {
  std::vector<DicomFrame> frames;
  std::optional<Warning> fault; ///< why they cannot become a volume, if a frame says so
};

bool same_orientation(const DicomFrame& a, const DicomFrame& b);
/// Within 2 %.
bool same_echo_time(const DicomFrame& a, const DicomFrame& b);

/// The first of the values that divide a series in which two of its frames differ; empty if none.
std::string difference(const DicomFrame& a, const DicomFrame& b);

/// Groups the frames, in the order in which the groups first appear. A frame without a valid
/// placement makes every group of its series faulty, for it might be a missing slice of any; so
/// does a missing file of a concatenation those with frames of its other files.
std::vector<SliceGroup> group_frames(const std::vector<DicomFrame>& frames);

} // namespace cordlesion::io
