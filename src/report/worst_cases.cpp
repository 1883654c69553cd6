// Problems of cases and their order; worst_cases.tsv.
#include "worst_cases.hpp"

#include "cordlesion/report/evaluation_files.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace cordlesion::report {
namespace {

constexpr std::array<std::string_view, 8> problems{"failed",        "missing",     "lesion_missed",
                                                   "wrong_branch",  "wrong_class", "false_lesion",
                                                   "indeterminate", "low_dice"};

/// The first problem of a case; empty if there is none.
std::string problem_of(const EvaluatedCase& evaluated) {
  std::string outcome = outcome_of(evaluated);
  if (outcome == "failed" || outcome == "missing") {
    return outcome;
  }
  if (evaluated.label == "healthy") {
    return outcome == "no_lesion" ? "" : "false_lesion";
  }
  if (outcome == "no_lesion") {
    return "lesion_missed";
  }
  if (outcome == "indeterminate") {
    return outcome;
  }
  if (outcome != evaluated.label) {
    return deciding_node(outcome) == deciding_node(evaluated.label) ? "wrong_class"
                                                                    : "wrong_branch";
  }
  return dice_of(evaluated).value_or(1) < low_dice ? "low_dice" : "";
}

/// The probability given to a decision between the classes of a node.
double probability_given(const Prediction& prediction, Node node, bool second) {
  const auto found = prediction.nodes.find(node);
  if (found == prediction.nodes.end()) {
    return 0;
  }
  const double p = found->second.second_probability;
  return second ? p : 1 - p;
}

std::optional<double> severity_of(const EvaluatedCase& evaluated, const std::string& problem) {
  const std::string outcome = outcome_of(evaluated);
  if (problem == "wrong_branch") {
    return probability_given(*evaluated.prediction, Node::tumor_vs_demyelination,
                             deciding_node(outcome) == Node::ms_vs_nmosd);
  }
  if (problem == "wrong_class") {
    const Node node = *deciding_node(outcome);
    return probability_given(*evaluated.prediction, node, outcome == classes_of(node).second);
  }
  if (problem == "low_dice") {
    return 1 - dice_of(evaluated).value_or(1);
  }
  return std::nullopt;
}

std::string probability_cell(const EvaluatedCase& evaluated, Node node) {
  if (!evaluated.prediction || evaluated.prediction->nodes.count(node) == 0) {
    return std::string(undefined_text);
  }
  return exact_text(evaluated.prediction->nodes.at(node).second_probability);
}

} // namespace

std::vector<WorstCase> worst_cases(const Evaluation& evaluation) {
  std::vector<WorstCase> found;
  for (const EvaluatedCase& evaluated : evaluation.cases) {
    const std::string problem = problem_of(evaluated);
    if (!problem.empty()) {
      const auto rank = std::find(problems.begin(), problems.end(), problem) - problems.begin();
      found.push_back(
          {&evaluated, problem, static_cast<int>(rank), severity_of(evaluated, problem)});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const WorstCase& a, const WorstCase& b) {
    return std::make_tuple(a.rank, -a.severity.value_or(0)) <
           std::make_tuple(b.rank, -b.severity.value_or(0));
  });
  return found;
}

std::string worst_cases_table(const Evaluation& evaluation) {
  std::string table = "case_id\tproblem\tlabel\toutcome\tseverity\tp_demyelination\tp_ependymoma\t"
                      "p_nmosd\tdice\terror_code\n";
  for (const WorstCase& worst : worst_cases(evaluation)) {
    const EvaluatedCase& evaluated = *worst.evaluated;
    const std::string code = error_code_of(evaluated);
    table += evaluated.case_id + '\t' + worst.problem + '\t' + evaluated.label + '\t' +
             outcome_of(evaluated) + '\t' + exact_text(worst.severity);
    for (const Node node : all_nodes) {
      table += '\t' + probability_cell(evaluated, node);
    }
    table += '\t' + exact_text(dice_of(evaluated)) + '\t' +
             (code.empty() ? std::string(undefined_text) : code) + '\n';
  }
  return table;
}

} // namespace cordlesion::report
