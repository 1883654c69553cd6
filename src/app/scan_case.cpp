// What cases offer, without their pixels.
#include "cordlesion/app/scan_case.hpp"

#include "cordlesion/app/interrupt.hpp"

#include <utility>

namespace cordlesion::app {
namespace {

report::ScannedCase scanned_case(const io::CaseInput& input, io::CaseDescription description) {
  return {.case_id = input.case_id,
          .format = input.format == io::CaseInput::Format::dicom ? "dicom" : "volume_file",
          .files = input.files.size(),
          .skipped_files = input.skipped_files,
          .candidates = std::move(description.candidates),
          .failure = std::move(description.failure),
          .warnings = std::move(description.warnings)};
}

} // namespace

void scan_cases(const std::vector<io::CaseInput>& cases, const io::LoadOptions& options,
                io::CaseLoader& loader,
                const std::function<void(const report::ScannedCase&)>& take) {
  loader.describe(cases, options, [&](std::size_t i, io::CaseDescription description) {
    stop_if_interrupted();
    take(scanned_case(cases[i], std::move(description)));
  });
}

} // namespace cordlesion::app
