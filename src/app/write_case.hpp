// The files of one case, its report last.
#pragma once

#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/app/run_case.hpp"
#include "cordlesion/report/case_report.hpp"

#include <string>

namespace cordlesion::app {

/// Writes mask and probability, re-reads them, and notes the mask's corner error in the record.
/// Throws a case error (stage write, `geometry_not_kept`) if it is above 0.01 mm.
void write_images(const OutputFolder& output, const std::string& case_id, CaseResult& result);

/// Writes report.json, the mark that a case is done, and returns its text.
std::string write_report(const OutputFolder& output, const report::CaseReport& report);

} // namespace cordlesion::app
