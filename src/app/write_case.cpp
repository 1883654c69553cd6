// Output of one case.
#include "write_case.hpp"

#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/io/volume_writer.hpp"
#include "cordlesion/report/report_json.hpp"

namespace cordlesion::app {

void write_images(const OutputFolder& output, const std::string& case_id, CaseResult& result) {
  const auto folder = output.case_folder(case_id);
  if (result.probability) {
    io::write_nifti(folder / "lesion_probability.nii.gz", *result.probability);
  }
  result.record.max_corner_error_mm = io::write_nifti(folder / "lesion_mask.nii.gz", result.mask);
}

std::string write_report(const OutputFolder& output, const report::CaseReport& report) {
  std::string text = report::to_json(report);
  io::write_file_atomically(output.case_folder(report.case_id) / "report.json", text);
  return text;
}

} // namespace cordlesion::app
