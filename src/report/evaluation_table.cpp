// metrics.tsv: one row per number.
#include "cordlesion/report/evaluation_files.hpp"
#include "number_text.hpp"

namespace cordlesion::report {
namespace {

constexpr const char* header =
    "section\tsubset\tcut_off\tmetric\tvalue\tnumerator\tdenominator\twilson_low\twilson_high\t"
    "bootstrap_low\tbootstrap_high\tdelong_low\tdelong_high\n";

/// What a row says beside its place; what is undefined or does not apply is n/a.
struct Row {
  std::optional<double> value;
  std::optional<Proportion> counts = std::nullopt;
  std::optional<Interval> wilson = std::nullopt;
  std::optional<Interval> bootstrap = std::nullopt;
  std::optional<Interval> delong = std::nullopt;
};

std::string count_cell(const std::optional<Proportion>& counts, std::size_t Proportion::*member) {
  return counts ? std::to_string((*counts).*member) : std::string(undefined_text);
}

std::string interval_cells(const std::optional<Interval>& interval) {
  const auto low = interval ? std::optional(interval->low) : std::nullopt;
  const auto high = interval ? std::optional(interval->high) : std::nullopt;
  return '\t' + exact_text(low) + '\t' + exact_text(high);
}

/// Rows of one section and subset.
class Rows {
 public:
  Rows(std::string& table, std::string section, std::string subset)
      : table_(table), place_(std::move(section) + '\t' + std::move(subset) + '\t') {}

  void add(const std::string& cut_off, const std::string& metric, const Row& row) {
    table_ += place_ + cut_off + '\t' + metric + '\t' + exact_text(row.value) + '\t' +
              count_cell(row.counts, &Proportion::numerator) + '\t' +
              count_cell(row.counts, &Proportion::denominator) + interval_cells(row.wilson) +
              interval_cells(row.bootstrap) + interval_cells(row.delong) + '\n';
  }

  void add(const std::string& metric, const Proportion& counts) {
    add("n/a", metric, {value_of(counts), counts, wilson_interval(counts)});
  }

  void add(const std::string& metric, const std::optional<Summary>& summary) {
    const auto value = [&](double Summary::*member) {
      return summary ? std::optional((*summary).*member) : std::nullopt;
    };
    const auto interval = summary ? summary->mean_interval : std::nullopt;
    add("n/a", metric + "_n", {summary ? static_cast<double>(summary->count) : 0.0});
    add("n/a", metric + "_mean", {.value = value(&Summary::mean), .bootstrap = interval});
    add("n/a", metric + "_sd", {summary ? summary->sd : std::nullopt});
    add("n/a", metric + "_median", {value(&Summary::median)});
    add("n/a", metric + "_first_quartile", {value(&Summary::first_quartile)});
    add("n/a", metric + "_third_quartile", {value(&Summary::third_quartile)});
  }

 private:
  std::string& table_;
  std::string place_;
};

void add_point(Rows& rows, const std::string& cut_off, const OperatingPoint& point,
               std::size_t cases) {
  rows.add(cut_off, "threshold", {point.threshold});
  for (const auto& [metric, estimate] : point.metrics) {
    rows.add(cut_off, std::string(to_string(metric)),
             {value_of(estimate.counts), estimate.counts, estimate.wilson, estimate.bootstrap});
  }
  const Proportion of_all = accuracy_of_all(point, cases);
  rows.add(cut_off, "accuracy_of_all", {value_of(of_all), of_all, wilson_interval(of_all)});
}

void add_node(std::string& table, const std::string& section, Node node,
              const NodeEvaluation& evaluation) {
  Rows rows(table, section, std::string(to_string(node)));
  const NodePerformance& performance = evaluation.performance;
  rows.add("evaluated",
           Proportion{performance.positives + performance.negatives, evaluation.cases});
  for (const auto& [reason, count] : evaluation.unevaluated) {
    rows.add("unevaluated_" + reason, Proportion{count, evaluation.cases});
  }
  rows.add("n/a", "auc",
           {.value = performance.auc,
            .bootstrap = performance.auc_bootstrap,
            .delong = performance.auc_delong});
  add_point(rows, "0.5", performance.at_half, evaluation.cases);
  add_point(rows, "package", performance.at_package, evaluation.cases);
  if (performance.at_youden) {
    add_point(rows, "youden_optimistic", *performance.at_youden, evaluation.cases);
  }
  const auto& calibration = performance.calibration;
  rows.add("n/a", "brier", {calibration ? std::optional(calibration->brier) : std::nullopt});
  rows.add("n/a", "ece", {calibration ? std::optional(calibration->ece) : std::nullopt});
}

void add_end_to_end(std::string& table, const EndToEnd& result) {
  Rows all(table, "end_to_end", "all");
  all.add("accuracy_of_evaluated", result.accuracy_of_evaluated);
  all.add("accuracy_of_all", result.accuracy_of_all);
  for (const std::string& label : true_classes) {
    Rows rows(table, "end_to_end", label);
    if (result.sensitivity.count(label) != 0) {
      rows.add("sensitivity", result.sensitivity.at(label));
      rows.add("ppv", result.ppv.at(label));
    }
    std::size_t cases = 0;
    for (const auto& [outcome, count] : result.cases.at(label)) {
      cases += count;
    }
    for (const std::string& outcome : outcomes) {
      rows.add("predicted_" + outcome, Proportion{result.cases.at(label).at(outcome), cases});
    }
  }
}

void add_segmentation(std::string& table, const std::string& label,
                      const SegmentationEvaluation& segmentation) {
  Rows rows(table, "segmentation", label);
  for (const auto& [reason, count] : segmentation.not_compared) {
    rows.add("not_compared_" + reason, Proportion{count, segmentation.cases});
  }
  rows.add("both_empty", Proportion{segmentation.both_empty, segmentation.cases});
  rows.add("dice", segmentation.dice);
  rows.add("surface_dice", segmentation.surface_dice);
  rows.add("volume_error_mm3", segmentation.volume_error_mm3);
  rows.add("absolute_volume_error_mm3", segmentation.absolute_volume_error_mm3);
  rows.add("relative_volume_error", segmentation.relative_volume_error);
  rows.add("lesion_found", segmentation.lesion_found);
  const LesionMatches& lesions = segmentation.lesions;
  rows.add("n/a", "lesion_sensitivity", {value_of(lesions.found), lesions.found});
  rows.add("n/a", "lesion_precision", {value_of(lesions.correct), lesions.correct});
  rows.add("n/a", "lesion_f1", {lesion_f1(lesions)});
}

} // namespace

std::string metrics_table(const Evaluation& evaluation) {
  std::string table = header;
  for (const auto& [node, result] : evaluation.nodes) {
    add_node(table, "node", node, result);
  }
  add_end_to_end(table, evaluation.end_to_end);
  for (const auto& [label, segmentation] : evaluation.segmentation) {
    add_segmentation(table, label, segmentation);
  }
  for (const auto& [label, detection] : evaluation.detection) {
    Rows rows(table, "detection", label);
    rows.add("with_lesion", detection.with_lesion);
    rows.add("volume_mm3", detection.volume_mm3);
  }
  for (const Subgroup& group : evaluation.subgroups) {
    const std::string section = "subgroup " + group.column + "=" + group.value;
    for (const auto& [node, result] : group.nodes) {
      add_node(table, section, node, result);
    }
    Rows rows(table, section, "end_to_end");
    rows.add("accuracy_of_evaluated", group.end_to_end.accuracy_of_evaluated);
    rows.add("accuracy_of_all", group.end_to_end.accuracy_of_all);
    Rows(table, section, "segmentation").add("dice", group.dice);
  }
  return table;
}

} // namespace cordlesion::report
