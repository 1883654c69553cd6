// The metrics of a cohort, from its cases alone.
#pragma once

#include "cordlesion/report/evaluation.hpp"

#include <map>
#include <string>
#include <vector>

namespace cordlesion::app {

using EvaluatedCases = std::vector<report::EvaluatedCase>;

report::NodeEvaluation evaluate_node(Node node, const EvaluatedCases& cases,
                                     const Bootstrap& bootstrap);

report::EndToEnd evaluate_end_to_end(const EvaluatedCases& cases);

/// Cases of any class.
report::SegmentationEvaluation evaluate_segmentation(const EvaluatedCases& cases,
                                                     const Bootstrap& bootstrap);

report::Detection evaluate_detection(const EvaluatedCases& cases, const Bootstrap& bootstrap);

/// One for each value of each column, in their order.
std::vector<report::Subgroup> evaluate_subgroups(const EvaluatedCases& cases);

std::map<std::string, EvaluatedCases> by_class(const EvaluatedCases& cases);

} // namespace cordlesion::app
