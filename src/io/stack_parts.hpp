// Parts of one stack of slices that some value in their headers keeps apart.
#pragma once

#include "series_selection.hpp"

#include <vector>

namespace cordlesion::io {

/// True if `part` has a slice at every position of `whole`.
bool covers(const std::vector<DicomFrame>& part, const std::vector<DicomFrame>& whole);

/// Looks for slices of the chosen series that belong to its stack by their place, and that another
/// candidate got. Beside the chosen ones: warning `slices_left_out`. Between them: case error
/// `series_divided` (stage select), unless gaps are allowed.
void report_left_out(const std::vector<StudyCandidate>& candidates, const StudyCandidate& chosen,
                     std::vector<Warning>& warnings);

} // namespace cordlesion::io
