// The cases that went wrong, worst first.
#pragma once

#include "cordlesion/report/evaluation.hpp"

#include <string>
#include <vector>

namespace cordlesion::report {

/// A Dice below this is a problem of its own.
inline constexpr double low_dice = 0.5;

struct WorstCase {
  const EvaluatedCase* evaluated;
  std::string problem; ///< failed, missing, lesion_missed, wrong_branch, wrong_class, ...
  int rank = 0;        ///< of the problem, 0 worst
  std::optional<double> severity; ///< 0 to 1, larger is worse; none where cases are alike
};

/// Sorted by problem in the order failed, missing, lesion_missed, wrong_branch (tumour for
/// demyelination or the reverse), wrong_class, false_lesion (of a healthy case), indeterminate,
/// low_dice; within a problem by the probability of the wrong decision, or 1 - Dice; then by name.
/// A case appears once, with its first problem.
std::vector<WorstCase> worst_cases(const Evaluation& evaluation);

} // namespace cordlesion::report
