// report.md: the three decisions, as the paper's table and in full.
#include "class_names.hpp"
#include "evaluation_sections.hpp"
#include "markdown.hpp"
#include "number_text.hpp"

#include <utility>

namespace cordlesion::report {
namespace {

const MetricEstimate& estimate_of(const OperatingPoint& point, BinaryMetric metric) {
  return point.metrics.at(metric);
}

std::string estimate_text(const MetricEstimate& estimate) {
  return counted_text(estimate.counts, estimate.wilson);
}

std::string auc_text(const NodePerformance& performance) {
  return fixed_text(performance.auc, 2) + " (" + interval_text(performance.auc_delong, 2) + ")";
}

std::string paper_table(const Evaluation& evaluation) {
  std::string text = markdown_header(
      {"", "Accuracy", "Sensitivity (second class)", "Specificity", "AUC (95% CI)"});
  for (const auto& [node, result] : evaluation.nodes) {
    const OperatingPoint& point = result.performance.at_package;
    text +=
        markdown_row({node_title(node), estimate_text(estimate_of(point, BinaryMetric::accuracy)),
                      estimate_text(estimate_of(point, BinaryMetric::sensitivity)),
                      estimate_text(estimate_of(point, BinaryMetric::specificity)),
                      auc_text(result.performance)});
  }
  return text;
}

std::string unevaluated_count(const NodeEvaluation& result, const std::string& reason) {
  const auto found = result.unevaluated.find(reason);
  return std::to_string(found == result.unevaluated.end() ? 0 : found->second);
}

std::string denominators_table(const Evaluation& evaluation) {
  std::string text =
      markdown_header({"", "Cases", "Evaluated", "No lesion found", "Failed", "Missing",
                       "Node not reached", "Abstained", "Accuracy of all cases"});
  for (const auto& [node, result] : evaluation.nodes) {
    const NodePerformance& performance = result.performance;
    const Proportion of_all = accuracy_of_all(performance.at_package, result.cases);
    text += markdown_row(
        {node_title(node), std::to_string(result.cases),
         std::to_string(performance.positives + performance.negatives),
         unevaluated_count(result, "no_lesion"), unevaluated_count(result, "failed"),
         unevaluated_count(result, "missing"), unevaluated_count(result, "not_reached"),
         std::to_string(result.abstained), counted_text(of_all, wilson_interval(of_all))});
  }
  return text;
}

std::string metric_name(BinaryMetric metric) {
  switch (metric) {
  case BinaryMetric::accuracy:
    return "Accuracy";
  case BinaryMetric::sensitivity:
    return "Sensitivity (recall)";
  case BinaryMetric::specificity:
    return "Specificity";
  case BinaryMetric::ppv:
    return "PPV (precision)";
  case BinaryMetric::npv:
    return "NPV";
  case BinaryMetric::f1:
    return "F1";
  }
  return "";
}

std::string full_estimate(const MetricEstimate& estimate, BinaryMetric metric) {
  if (metric == BinaryMetric::f1) {
    return fixed_text(value_of(estimate.counts), 2) + "; " + interval_text(estimate.bootstrap, 2);
  }
  return estimate_text(estimate) + "; " + percent_interval_text(estimate.bootstrap);
}

std::string full_table(const NodePerformance& performance) {
  std::vector<std::pair<std::string, const OperatingPoint*>> points{
      {"Package's cut-off " + (performance.at_package.threshold
                                   ? fixed_text(performance.at_package.threshold, 3)
                                   : "(differs between cases)"),
       &performance.at_package},
      {"Cut-off 0.5", &performance.at_half}};
  if (performance.at_youden) {
    points.emplace_back("Youden's index " + fixed_text(performance.at_youden->threshold, 3) +
                            " (optimistic)",
                        &*performance.at_youden);
  }
  std::vector<std::string> header{""};
  for (const auto& [name, point] : points) {
    header.push_back(name);
  }
  std::string text = markdown_header(header);
  for (const BinaryMetric metric : all_binary_metrics) {
    std::vector<std::string> cells{metric_name(metric)};
    for (const auto& [name, point] : points) {
      cells.push_back(full_estimate(estimate_of(*point, metric), metric));
    }
    text += markdown_row(cells);
  }
  return text;
}

std::string node_details(Node node, const NodeEvaluation& result) {
  const NodePerformance& performance = result.performance;
  const NodeClasses classes = classes_of(node);
  std::string text("\n### ");
  text += node_title(node) + "\n\n" + std::to_string(performance.negatives) + " " +
          name_in_text(classes.first) + ", " + std::to_string(performance.positives) + " " +
          name_in_text(classes.second) + " (positive). AUC " + fixed_text(performance.auc, 3) +
          ", DeLong " + interval_text(performance.auc_delong, 3) + ", bootstrap " +
          interval_text(performance.auc_bootstrap, 3) + ".";
  if (const auto& calibration = performance.calibration) {
    text += " Brier score " + fixed_text(calibration->brier, 3) + ", expected calibration error " +
            fixed_text(calibration->ece, 3) + ".";
  }
  text += '\n';
  text += full_table(performance);
  if (performance.auc) {
    const std::string file = "roc_" + std::string(to_string(node)) + ".svg";
    text += "\n![ROC curve of " + node_title(node) + "](" + file + ")\n";
  }
  return text;
}

} // namespace

std::string nodes_section(const Evaluation& evaluation) {
  std::string text =
      "\n## 1. The three decisions\n\nEach decision on all cases of its own classes, whatever the "
      "first one said of them (true routing), at the package's cut-off. Proportions with counts "
      "and "
      "Wilson's 95% interval, AUC with DeLong's.\n" +
      paper_table(evaluation) +
      "\nThe table holds the evaluated cases. A case without the node's probability is not "
      "evaluated; accuracy of all cases counts it as wrong. 'Node not reached' means that the "
      "decision before it led elsewhere: predict with `--all-nodes` to have every node's "
      "probability. Abstained cases are evaluated by their probability.\n" +
      denominators_table(evaluation) +
      "\nIn full: value (counts), Wilson's interval; bootstrap interval. Youden's index is taken "
      "on "
      "these very cases, which flatters: its column is optimistic.\n";
  for (const auto& [node, result] : evaluation.nodes) {
    text += node_details(node, result);
  }
  return text;
}

} // namespace cordlesion::report
