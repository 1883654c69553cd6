// report.md: the whole cascade, segmentation, detection, subgroups and failures.
#include "evaluation_sections.hpp"

#include "class_names.hpp"
#include "cordlesion/core/counted.hpp"
#include "markdown.hpp"
#include "number_text.hpp"
#include "worst_cases.hpp"

#include <algorithm>

namespace cordlesion::report {
namespace {

constexpr std::size_t shown_of_each_problem = 3;

std::string with_wilson(const Proportion& proportion) {
  return counted_text(proportion, wilson_interval(proportion));
}

std::string mean_text(const std::optional<Summary>& summary, int digits) {
  return summary ? fixed_text(summary->mean, digits) + " (" +
                       interval_text(summary->mean_interval, digits) + ")"
                 : std::string(undefined_text);
}

std::string median_text(const std::optional<Summary>& summary, int digits) {
  return summary ? fixed_text(summary->median, digits) + " (" +
                       fixed_text(summary->first_quartile, digits) + " to " +
                       fixed_text(summary->third_quartile, digits) + ")"
                 : std::string(undefined_text);
}

std::string matrix_table(const EndToEnd& result) {
  std::vector<std::string> header{"True class"};
  for (const std::string& outcome : outcomes) {
    header.push_back(display_name(outcome));
  }
  header.insert(header.end(), {"Sensitivity (of all)", "PPV"});
  std::string text = markdown_header(header);
  for (const std::string& label : true_classes) {
    std::vector<std::string> cells{display_name(label)};
    for (const std::string& outcome : outcomes) {
      cells.push_back(std::to_string(result.cases.at(label).at(outcome)));
    }
    const bool is_class = result.sensitivity.count(label) != 0;
    cells.push_back(is_class ? counted_text(result.sensitivity.at(label)) : "-");
    cells.push_back(is_class ? counted_text(result.ppv.at(label)) : "-");
    text += markdown_row(cells);
  }
  return text;
}

std::string segmentation_row(const std::string& label, const SegmentationEvaluation& result) {
  std::size_t compared = result.cases;
  for (const auto& [reason, count] : result.not_compared) {
    compared -= count;
  }
  return markdown_row(
      {display_name(label), std::to_string(compared) + "/" + std::to_string(result.cases),
       mean_text(result.dice, 2), median_text(result.dice, 2), mean_text(result.surface_dice, 2),
       median_text(result.volume_error_mm3, 0), median_text(result.absolute_volume_error_mm3, 0),
       median_text(result.relative_volume_error, 2)});
}

std::string lesion_row(const std::string& label, const SegmentationEvaluation& result) {
  const LesionMatches& lesions = result.lesions;
  return markdown_row({display_name(label), with_wilson(result.lesion_found),
                       counted_text(lesions.found), counted_text(lesions.correct),
                       fixed_text(lesion_f1(lesions), 2), std::to_string(result.both_empty)});
}

std::string not_compared_text(const Evaluation& evaluation) {
  std::map<std::string, std::size_t> reasons;
  for (const auto& [label, result] : evaluation.segmentation) {
    for (const auto& [reason, count] : result.not_compared) {
      reasons[reason] += count;
    }
  }
  std::string text;
  for (const auto& [reason, count] : reasons) {
    text += (text.empty() ? "" : ", ") + reason + " " + std::to_string(count);
  }
  return text.empty() ? "none" : text;
}

} // namespace

std::string end_to_end_section(const Evaluation& evaluation) {
  const EndToEnd& result = evaluation.end_to_end;
  return "\n## 2. End to end\n\nThe label that a user gets, the first decision routing to the "
         "second (predicted routing). Of the cases of the four classes " +
         with_wilson(result.accuracy_of_all) +
         " got their own label; of those that got one of the "
         "four labels at all, " +
         with_wilson(result.accuracy_of_evaluated) + ".\n" + matrix_table(result) +
         "\n![Confusion matrix](confusion_matrix.svg)\n";
}

std::string segmentation_section(const Evaluation& evaluation) {
  std::string text = "\n## 3. Segmentation\n\n";
  if (!evaluation.masks_given) {
    return text + "No reference masks were given (`--masks`): nothing is said of segmentation.\n";
  }
  text += "Means with bootstrap 95% intervals, medians with quartiles. Volume errors are predicted "
          "minus reference.\n" +
          markdown_header({"Class", "Compared", "Dice, mean", "Dice, median",
                           "Normalised surface distance, mean", "Volume error, mm3",
                           "Absolute volume error, mm3", "Relative volume error"});
  std::string lesions = markdown_header({"Class", "Lesion found", "Lesion-wise sensitivity",
                                         "Lesion-wise precision", "Lesion-wise F1", "Both empty"});
  for (const std::string& label : true_classes) {
    const auto found = evaluation.segmentation.find(label);
    if (found != evaluation.segmentation.end()) {
      // Of a healthy case Dice is 0 or undefined: its row would say nothing.
      text += label == "healthy" ? "" : segmentation_row(label, found->second);
      lesions += lesion_row(label, found->second);
    }
  }
  text +=
      "\n'Lesion found': cases in which prediction and reference share a voxel, of those with a "
      "reference lesion.\n" +
      lesions + "\nCases not compared, by reason: " + not_compared_text(evaluation) + ".\n";
  const bool plotted =
      std::any_of(four_classes.begin(), four_classes.end(), [&](const std::string& label) {
        const auto found = evaluation.segmentation.find(label);
        return found != evaluation.segmentation.end() && found->second.dice;
      });
  return text + (plotted ? "\n![Dice by class](dice_by_class.svg)\n" : "");
}

std::string detection_section(const Evaluation& evaluation) {
  std::string text =
      "\n## 4. Predicted lesions, and false ones in healthy cases\n\nFrom the reports "
      "alone. Of a healthy case every lesion is false.\n" +
      markdown_header({"True class", "Cases with a predicted lesion", "Predicted lesions",
                       "Volume of a case, mm3, median"});
  for (const std::string& label : true_classes) {
    const auto found = evaluation.detection.find(label);
    if (found != evaluation.detection.end()) {
      const Detection& detection = found->second;
      text +=
          markdown_row({display_name(label), with_wilson(detection.with_lesion),
                        std::to_string(detection.lesions), median_text(detection.volume_mm3, 0)});
    }
  }
  return text;
}

std::string subgroups_section(const Evaluation& evaluation) {
  std::string text = "\n## 5. Subgroups\n\n";
  if (evaluation.subgroups.empty()) {
    return text + "The label table has no further columns (age, sex, difficult, site): robustness "
                  "across subgroups cannot be shown.\n";
  }
  text +=
      "At the package's cut-off, of evaluated cases. Small groups vary by chance; intervals are "
      "in metrics.json.\n";
  std::vector<std::string> header{"Group", "Cases"};
  for (const Node node : all_nodes) {
    header.push_back(node_title(node));
  }
  header.insert(header.end(), {"End to end (of all)", "Dice, mean"});
  text += markdown_header(header);
  for (const Subgroup& group : evaluation.subgroups) {
    std::vector<std::string> cells{markdown_text(group.column + " " + group.value),
                                   std::to_string(group.cases)};
    for (const Node node : all_nodes) {
      const NodePerformance& performance = group.nodes.at(node).performance;
      cells.push_back(
          counted_text(performance.at_package.metrics.at(BinaryMetric::accuracy).counts) +
          ", AUC " + fixed_text(performance.auc, 2));
    }
    cells.push_back(counted_text(group.end_to_end.accuracy_of_all));
    cells.push_back(group.dice ? fixed_text(group.dice->mean, 2) : std::string(undefined_text));
    text += markdown_row(cells);
  }
  return text;
}

std::string failures_section(const Evaluation& evaluation) {
  const std::vector<WorstCase> worst = worst_cases(evaluation);
  std::map<std::string, std::size_t> problems;
  for (const WorstCase& one : worst) {
    ++problems[one.problem];
  }
  std::string text = "\n## 6. What went wrong\n\n";
  if (worst.empty()) {
    return text + "Nothing: every case got its own label.\n";
  }
  text += std::to_string(worst.size()) + " of " + counted(evaluation.cases.size(), "case") + ":";
  for (const auto& [problem, count] : problems) {
    text += " " + problem + " " + std::to_string(count) + ",";
  }
  text.back() = '.';
  for (const auto& [code, count] : failures_by_code(evaluation)) {
    text += " With error `" + code + "`: " + std::to_string(count) + ".";
  }
  text += " The worst of each kind (all are in worst_cases.tsv):\n" +
          markdown_header({"Case", "Problem", "True class", "Outcome", "Severity"});
  std::map<std::string, std::size_t> shown;
  for (const WorstCase& one : worst) {
    if (++shown[one.problem] <= shown_of_each_problem) {
      const EvaluatedCase& evaluated = *one.evaluated;
      text += markdown_row({evaluated.case_id, one.problem, display_name(evaluated.label),
                            display_name(outcome_of(evaluated)), fixed_text(one.severity, 2)});
    }
  }
  return text;
}

} // namespace cordlesion::report
