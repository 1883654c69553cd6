// The cases of an evaluation: labels, predictions and agreement of masks brought together.
#pragma once

#include "cordlesion/app/run_evaluate.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/report/evaluation.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::app {

struct Cohort {
  std::vector<report::EvaluatedCase> cases; ///< all labelled cases, sorted by case_id
  std::vector<std::string> unlabelled;      ///< predictions that the labels do not name
  std::vector<double> ages_years;           ///< of the cases whose age is given
  std::vector<Warning> warnings;
  std::size_t unusable_files = 0; ///< reports and masks that could not be read or compared
};

/// Throws what run_evaluate throws on labels, predictions and masks.
Cohort load_cohort(const EvaluateOptions& options, io::CaseLoader& loader);

} // namespace cordlesion::app
