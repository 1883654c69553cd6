// The sagittal T2 among the series of a study, with a reason for every one.
#pragma once

#include "cordlesion/core/series.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "dicom_frame.hpp"
#include "stack_geometry.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

/// A group of slices with the decision on it and what is needed to read its pixels.
struct StudyCandidate {
  SeriesCandidate decision;
  std::string series_uid;
  std::vector<DicomFrame> frames;
  StackGeometry geometry;     ///< valid if decision.info.readable
  bool suitable = false;      ///< a sagittal T2, whether it can be read or not
  std::optional<Error> fault; ///< why it cannot be read
};

/// Groups the frames and decides on every group.
std::vector<StudyCandidate> assess_study(const std::vector<DicomFrame>& frames,
                                         const LoadOptions& options);

/// Marks the best candidate as chosen and returns its index. Throws case errors (stage select)
/// `no_sagittal_t2`, `series_not_found`, `ambiguous_series`, `series_divided`, or the fault of the
/// one that it would have been.
std::size_t choose_series(std::vector<StudyCandidate>& candidates, const LoadOptions& options,
                          std::vector<Warning>& warnings);

} // namespace cordlesion::io
