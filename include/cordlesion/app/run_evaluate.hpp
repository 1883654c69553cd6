// Predictions of a cohort against its reference standard.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/mask_agreement.hpp"
#include "cordlesion/core/statistics.hpp"
#include "cordlesion/io/case_loader.hpp"

#include <filesystem>
#include <iosfwd>
#include <optional>

namespace cordlesion::app {

struct EvaluateOptions {
  std::filesystem::path predictions;          ///< an output folder of `predict`
  std::filesystem::path labels;               ///< table with case_id, label and further columns
  std::optional<std::filesystem::path> masks; ///< folder of reference masks
  io::VolumeChoice mask_choice = {};          ///< how each reference mask is read
  std::filesystem::path output;
  bool overwrite = false;
  Bootstrap bootstrap;
  AgreementRules rules;
};

/// Writes metrics.tsv, worst_cases.tsv, report.md, the plots, and metrics.json last; the main
/// results go to `results`. Returns ExitCode::some_cases_failed if a report or a mask could not be
/// used; a case that `predict` failed is a result. Throws an Error for what stops the evaluation:
/// wrong labels or folders (usage), no labelled case among the predictions (no input), output.
ExitCode run_evaluate(const EvaluateOptions& options, std::ostream& results);

} // namespace cordlesion::app
