// report.md as a whole, and the short text of the main results.
#include "class_names.hpp"
#include "cordlesion/core/counted.hpp"
#include "cordlesion/report/case_report.hpp"
#include "cordlesion/report/evaluation_files.hpp"
#include "evaluation_sections.hpp"
#include "markdown.hpp"
#include "number_text.hpp"

#include <algorithm>

namespace cordlesion::report {
namespace {

/// Filled with spaces to a width, two at least.
std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() + 2 > width ? 2 : width - text.size(), ' ');
}

std::string point_text(const OperatingPoint& point, BinaryMetric metric) {
  return padded(counted_text(point.metrics.at(metric).counts), 16);
}

bool any_untrained(const Evaluation& evaluation) {
  return std::any_of(evaluation.cases.begin(), evaluation.cases.end(),
                     [](const EvaluatedCase& c) { return c.prediction && !c.prediction->trained; });
}

std::string opening(const Evaluation& evaluation) {
  std::string text = "# Evaluation of " + counted(evaluation.cases.size(), "case") + "\n\n> " +
                     std::string(disclaimer) + "\n";
  if (any_untrained(evaluation)) {
    text += ">\n> **A model package used here is untrained: its results mean nothing.**\n";
  }
  text += "\nPredicted by";
  for (const auto& [model, count] : cases_by_model(evaluation)) {
    text += ' ';
    text += markdown_text(model) + " (" + counted(count, "case") + "),";
  }
  text.back() = '.';
  return text + " With a lesion " + std::to_string(cases_with_status(evaluation, "ok")) +
         ", without " + std::to_string(cases_with_status(evaluation, "no_lesion")) + ", failed " +
         std::to_string(cases_with_status(evaluation, "failed")) +
         ", prediction missing or unreadable " +
         std::to_string(cases_with_status(evaluation, "missing")) +
         "; predictions without label, left out: " + std::to_string(evaluation.unlabelled.size()) +
         ".\n";
}

} // namespace

std::map<std::string, std::size_t> failures_by_code(const Evaluation& evaluation) {
  std::map<std::string, std::size_t> codes;
  for (const EvaluatedCase& evaluated : evaluation.cases) {
    if (const std::string code = error_code_of(evaluated); !code.empty()) {
      ++codes[code];
    }
  }
  return codes;
}

std::map<std::string, std::size_t> cases_by_model(const Evaluation& evaluation) {
  std::map<std::string, std::size_t> models;
  for (const EvaluatedCase& evaluated : evaluation.cases) {
    if (evaluated.prediction) {
      ++models[evaluated.prediction->model];
    }
  }
  return models;
}

std::size_t cases_with_status(const Evaluation& evaluation, const std::string& status) {
  return static_cast<std::size_t>(
      std::count_if(evaluation.cases.begin(), evaluation.cases.end(), [&](const EvaluatedCase& c) {
        return (c.prediction ? c.prediction->status : "missing") == status;
      }));
}

std::string evaluation_markdown(const Evaluation& evaluation) {
  return opening(evaluation) + nodes_section(evaluation) + end_to_end_section(evaluation) +
         segmentation_section(evaluation) + detection_section(evaluation) +
         subgroups_section(evaluation) + failures_section(evaluation) +
         definitions_section(evaluation) + claim_section(evaluation);
}

std::string evaluation_text(const Evaluation& evaluation) {
  std::string text = padded("", 32) + padded("accuracy", 16) + padded("sensitivity", 16) +
                     padded("specificity", 16) + padded("AUC (95% CI)", 20) + "unevaluated\n";
  for (const auto& [node, result] : evaluation.nodes) {
    const NodePerformance& performance = result.performance;
    const OperatingPoint& point = performance.at_package;
    text += padded(node_title(node), 32) + point_text(point, BinaryMetric::accuracy) +
            point_text(point, BinaryMetric::sensitivity) +
            point_text(point, BinaryMetric::specificity) +
            padded(fixed_text(performance.auc, 2) + " (" +
                       interval_text(performance.auc_delong, 2) + ")",
                   20) +
            std::to_string(result.cases - performance.positives - performance.negatives) + "\n";
  }
  return text + padded("End to end, of all cases", 32) +
         counted_text(evaluation.end_to_end.accuracy_of_all) + "\n" +
         padded("End to end, of evaluated", 32) +
         counted_text(evaluation.end_to_end.accuracy_of_evaluated) + "\n";
}

} // namespace cordlesion::report
