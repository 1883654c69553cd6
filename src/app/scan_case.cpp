// What one case offers, without its pixels.
#include "cordlesion/app/scan_case.hpp"

#include <algorithm>

namespace cordlesion::app {

report::ScannedCase scan_case(const io::CaseInput& input, const io::LoadOptions& options,
                              io::CaseLoader& loader) {
  report::ScannedCase scanned{
      .case_id = input.case_id,
      .format = input.format == io::CaseInput::Format::dicom ? "dicom" : "volume_file",
      .files = input.files.size(),
      .candidates = {},
      .failure = input.failure,
      .warnings = input.warnings};
  if (!scanned.failure) {
    try {
      scanned.candidates = loader.describe(input, options);
      const auto chosen = [](const SeriesCandidate& candidate) { return candidate.chosen; };
      if (std::none_of(scanned.candidates.begin(), scanned.candidates.end(), chosen)) {
        scanned.failure = case_error(Stage::select, "no_sagittal_t2",
                                     "no series of this case can serve as the sagittal T2");
      }
    } catch (const Error& error) {
      scanned.failure = error;
    }
  }
  return scanned;
}

} // namespace cordlesion::app
