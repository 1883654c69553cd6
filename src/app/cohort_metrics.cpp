// Metrics of nodes, of the whole cascade, of segmentation and of subgroups.
#include "cohort_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace cordlesion::app {
namespace {

/// Whether a true class is the node's second; none if the node is not about it.
std::optional<bool> second_class(Node node, const std::string& label) {
  const std::optional<Node> deciding = deciding_node(label);
  if (deciding && node == Node::tumor_vs_demyelination) {
    return deciding == Node::ms_vs_nmosd;
  }
  return deciding == node ? std::optional(label == classes_of(node).second) : std::nullopt;
}

/// Why a case without a node's probability has none.
std::string reason_without_probability(const report::EvaluatedCase& evaluated) {
  const bool completed = evaluated.prediction && evaluated.prediction->status == "ok";
  return completed ? "not_reached" : report::outcome_of(evaluated);
}

/// Values of the compared cases for which the measure is defined.
template <typename Measure>
std::optional<Summary> summarise_agreement(const EvaluatedCases& cases, const Bootstrap& bootstrap,
                                           Measure measure) {
  std::vector<double> values;
  for (const report::EvaluatedCase& evaluated : cases) {
    if (evaluated.agreement) {
      if (const std::optional<double> value = measure(*evaluated.agreement)) {
        values.push_back(*value);
      }
    }
  }
  return summarise(std::move(values), bootstrap);
}

void add(Proportion& sum, const Proportion& more) {
  sum.numerator += more.numerator;
  sum.denominator += more.denominator;
}

/// The cases of which the report gives a volume: not those with gaps between their slices.
EvaluatedCases with_volume(const EvaluatedCases& cases) {
  EvaluatedCases measured;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(measured),
               [](const report::EvaluatedCase& evaluated) {
                 return evaluated.prediction && evaluated.prediction->volume_mm3;
               });
  return measured;
}

std::optional<double> volume_error(const MaskAgreement& agreement) {
  return agreement.predicted_mm3 - agreement.reference_mm3;
}

report::Subgroup evaluate_subgroup(const std::string& column, const std::string& value,
                                   const EvaluatedCases& cases) {
  constexpr Bootstrap none{.resamples = 0};
  report::Subgroup group{.column = column,
                         .value = value,
                         .cases = cases.size(),
                         .nodes = {},
                         .end_to_end = evaluate_end_to_end(cases),
                         .dice = summarise_agreement(cases, none, dice_of)};
  for (const Node node : all_nodes) {
    group.nodes[node] = evaluate_node(node, cases, none);
  }
  return group;
}

} // namespace

report::NodeEvaluation evaluate_node(Node node, const EvaluatedCases& cases,
                                     const Bootstrap& bootstrap) {
  report::NodeEvaluation evaluation;
  std::vector<NodeCase> evaluated_cases;
  for (const report::EvaluatedCase& evaluated : cases) {
    const std::optional<bool> positive = second_class(node, evaluated.label);
    if (!positive) {
      continue;
    }
    ++evaluation.cases;
    if (!evaluated.prediction || evaluated.prediction->nodes.count(node) == 0) {
      ++evaluation.unevaluated[reason_without_probability(evaluated)];
      continue;
    }
    const report::NodePrediction& predicted = evaluated.prediction->nodes.at(node);
    evaluation.abstained += predicted.abstained ? 1 : 0;
    evaluated_cases.push_back({{predicted.second_probability, *positive}, predicted.threshold});
  }
  evaluation.performance = node_performance(evaluated_cases, bootstrap);
  return evaluation;
}

report::EndToEnd evaluate_end_to_end(const EvaluatedCases& cases) {
  report::EndToEnd result;
  for (const std::string& label : report::true_classes) {
    for (const std::string& outcome : report::outcomes) {
      result.cases[label][outcome] = 0;
    }
  }
  for (const report::EvaluatedCase& evaluated : cases) {
    ++result.cases[evaluated.label][report::outcome_of(evaluated)];
  }
  for (const std::string& label : report::four_classes) {
    Proportion& sensitivity = result.sensitivity[label];
    sensitivity.numerator = result.cases[label][label];
    for (const auto& [outcome, count] : result.cases[label]) {
      sensitivity.denominator += count;
    }
    Proportion& ppv = result.ppv[label];
    ppv.numerator = result.cases[label][label];
    for (const std::string& truth : report::true_classes) {
      ppv.denominator += result.cases[truth][label];
    }
    add(result.accuracy_of_all, sensitivity);
    for (const std::string& outcome : report::four_classes) {
      result.accuracy_of_evaluated.denominator += result.cases[label][outcome];
    }
  }
  result.accuracy_of_evaluated.numerator = result.accuracy_of_all.numerator;
  return result;
}

report::SegmentationEvaluation evaluate_segmentation(const EvaluatedCases& cases,
                                                     const Bootstrap& bootstrap) {
  report::SegmentationEvaluation result;
  result.cases = cases.size();
  for (const report::EvaluatedCase& evaluated : cases) {
    if (!evaluated.agreement) {
      ++result.not_compared[evaluated.not_compared];
      continue;
    }
    const MaskAgreement& agreement = *evaluated.agreement;
    result.both_empty += agreement.predicted_voxels + agreement.reference_voxels == 0 ? 1 : 0;
    if (agreement.reference_voxels > 0) {
      add(result.lesion_found, {agreement.common_voxels > 0 ? 1U : 0U, 1});
    }
    add(result.lesions.found, agreement.lesions.found);
    add(result.lesions.correct, agreement.lesions.correct);
  }
  result.dice = summarise_agreement(cases, bootstrap, dice_of);
  result.surface_dice = summarise_agreement(
      cases, bootstrap, [](const MaskAgreement& agreement) { return agreement.surface_dice; });
  const EvaluatedCases measured = with_volume(cases);
  result.volume_error_mm3 = summarise_agreement(measured, bootstrap, volume_error);
  result.absolute_volume_error_mm3 =
      summarise_agreement(measured, bootstrap, [](const MaskAgreement& agreement) {
        return std::optional(std::abs(*volume_error(agreement)));
      });
  result.relative_volume_error = summarise_agreement(measured, bootstrap, relative_volume_error);
  return result;
}

report::Detection evaluate_detection(const EvaluatedCases& cases, const Bootstrap& bootstrap) {
  report::Detection detection;
  std::vector<double> volumes;
  for (const report::EvaluatedCase& evaluated : cases) {
    if (!evaluated.prediction || evaluated.prediction->status == "failed") {
      continue;
    }
    const report::Prediction& prediction = *evaluated.prediction;
    add(detection.with_lesion, {prediction.lesions > 0 ? 1U : 0U, 1});
    detection.lesions += prediction.lesions;
    if (prediction.lesions > 0 && prediction.volume_mm3) {
      volumes.push_back(*prediction.volume_mm3);
    }
  }
  detection.volume_mm3 = summarise(std::move(volumes), bootstrap);
  return detection;
}

std::vector<report::Subgroup> evaluate_subgroups(const EvaluatedCases& cases) {
  std::map<std::pair<std::string, std::string>, EvaluatedCases> members;
  for (const report::EvaluatedCase& evaluated : cases) {
    for (const auto& group : evaluated.groups) {
      members[group].push_back(evaluated);
    }
  }
  std::vector<report::Subgroup> groups;
  groups.reserve(members.size());
  for (const auto& [group, group_cases] : members) {
    groups.push_back(evaluate_subgroup(group.first, group.second, group_cases));
  }
  return groups;
}

std::map<std::string, EvaluatedCases> by_class(const EvaluatedCases& cases) {
  std::map<std::string, EvaluatedCases> classes;
  for (const report::EvaluatedCase& evaluated : cases) {
    classes[evaluated.label].push_back(evaluated);
  }
  return classes;
}

} // namespace cordlesion::app
