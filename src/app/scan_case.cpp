// What one case offers, without its pixels.
#include "cordlesion/app/scan_case.hpp"

#include <utility>

namespace cordlesion::app {

report::ScannedCase scan_case(const io::CaseInput& input, const io::LoadOptions& options,
                              io::CaseLoader& loader) {
  report::ScannedCase scanned{
      .case_id = input.case_id,
      .format = input.format == io::CaseInput::Format::dicom ? "dicom" : "volume_file",
      .files = input.files.size(),
      .candidates = {},
      .failure = std::nullopt,
      .warnings = {}};
  try {
    io::CaseDescription description = loader.describe(input, options);
    scanned.candidates = std::move(description.candidates);
    scanned.warnings = std::move(description.warnings);
    scanned.failure = std::move(description.failure);
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::some_cases_failed) {
      throw;
    }
    scanned.failure = error;
  }
  return scanned;
}

} // namespace cordlesion::app
