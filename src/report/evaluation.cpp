// Names and orders of an evaluation.
#include "cordlesion/report/evaluation.hpp"

namespace cordlesion::report {

const std::vector<std::string> four_classes(final_classes.begin(), final_classes.end());
const std::vector<std::string> true_classes(reference_classes.begin(), reference_classes.end());
const std::vector<std::string> outcomes{"astrocytoma",   "ependymoma", "ms",     "nmosd",
                                        "indeterminate", "no_lesion",  "failed", "missing"};

std::string outcome_of(const EvaluatedCase& evaluated) {
  if (!evaluated.prediction) {
    return "missing";
  }
  const Prediction& prediction = *evaluated.prediction;
  return prediction.label ? *prediction.label : prediction.status;
}

std::string error_code_of(const EvaluatedCase& evaluated) {
  return evaluated.prediction ? evaluated.prediction->error_code : evaluated.unreadable;
}

Proportion accuracy_of_all(const OperatingPoint& point, std::size_t cases) {
  return {point.metrics.at(BinaryMetric::accuracy).counts.numerator, cases};
}

std::optional<double> dice_of(const EvaluatedCase& evaluated) {
  return evaluated.agreement ? cordlesion::dice_of(*evaluated.agreement) : std::nullopt;
}

} // namespace cordlesion::report
