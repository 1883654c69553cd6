// The state of a run, and the files that describe it as a whole.
#pragma once

#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/app/predict_options.hpp"
#include "cordlesion/app/run_case.hpp"
#include "cordlesion/core/error.hpp"
#include "cordlesion/inference/networks.hpp"
#include "cordlesion/report/case_report.hpp"
#include "cordlesion/report/tables.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::app {

/// What all cases of a run share.
struct Run {
  const PredictOptions& options;
  const OutputFolder& output;
  inference::Networks& networks;
  CaseSettings settings;
  report::ModelRecord models;
  std::string cohort_digest;
  std::vector<report::CaseRows> rows; ///< of the cases done so far
  std::size_t resumed = 0;            ///< of these, complete from an earlier run
  std::optional<Error> stopped;       ///< why the run ended before its last case, if not asked to
};

/// Writes results.tsv, lesions.tsv, failures.tsv and run.json. The tables hold every case whose
/// report is in the output folder, also those of other parts of a cohort that share it.
void write_run(const Run& run, std::size_t cases, std::vector<Warning> warnings,
               const std::map<std::string, double>& timing_ms);

} // namespace cordlesion::app
