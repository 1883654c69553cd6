// metrics.json.
#include "cordlesion/core/version.hpp"
#include "cordlesion/report/case_report.hpp"
#include "cordlesion/report/evaluation_files.hpp"
#include "json_text.hpp"
#include "model_json.hpp"
#include "worst_cases.hpp"

namespace cordlesion::report {
namespace {

using report::json_of; // the overloads below would hide those of the shared headers

Json json_of(const std::optional<double>& value) {
  return value ? Json(finite(*value, "metric")) : Json(nullptr);
}

Json json_of(const std::optional<Interval>& interval) {
  return interval ? Json{finite(interval->low, "interval"), finite(interval->high, "interval")}
                  : Json(nullptr);
}

Json json_of(const Proportion& proportion) {
  return {{"value", json_of(value_of(proportion))},
          {"numerator", proportion.numerator},
          {"denominator", proportion.denominator}};
}

Json with_wilson(const Proportion& proportion) {
  Json json = json_of(proportion);
  json["wilson_95"] = json_of(wilson_interval(proportion));
  return json;
}

Json json_of(const std::optional<Summary>& summary) {
  if (!summary) {
    return nullptr;
  }
  return {{"n", summary->count},
          {"mean", json_of(std::optional(summary->mean))},
          {"mean_bootstrap_95", json_of(summary->mean_interval)},
          {"sd", json_of(summary->sd)},
          {"minimum", summary->minimum},
          {"first_quartile", summary->first_quartile},
          {"median", summary->median},
          {"third_quartile", summary->third_quartile},
          {"maximum", summary->maximum}};
}

Json json_of(const MetricEstimate& estimate) {
  Json json = json_of(estimate.counts);
  json["wilson_95"] = json_of(estimate.wilson);
  json["bootstrap_95"] = json_of(estimate.bootstrap);
  return json;
}

/// @param cases  all labelled cases of the node, evaluated or not
Json json_of(const OperatingPoint& point, std::size_t cases) {
  const BinaryCounts& counts = point.counts;
  Json json{{"threshold", json_of(point.threshold)},
            {"counts",
             {{"true_positive", counts.true_positive},
              {"false_negative", counts.false_negative},
              {"true_negative", counts.true_negative},
              {"false_positive", counts.false_positive}}}};
  for (const auto& [metric, estimate] : point.metrics) {
    json[std::string(to_string(metric))] = json_of(estimate);
  }
  json["precision"] = json["ppv"];
  json["recall"] = json["sensitivity"];
  json["accuracy_of_all"] = with_wilson(accuracy_of_all(point, cases));
  return json;
}

Json json_of(const std::optional<Calibration>& calibration) {
  if (!calibration) {
    return nullptr;
  }
  Json bins = Json::array();
  for (const CalibrationBin& bin : calibration->bins) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"cases", bin.cases},
                    {"mean_probability", json_of(bin.mean_probability)},
                    {"observed_share", json_of(bin.observed_share)}});
  }
  return {{"brier", finite(calibration->brier, "Brier score")},
          {"ece", finite(calibration->ece, "calibration error")},
          {"bins", bins}};
}

Json json_of(const NodeEvaluation& evaluation, Node node) {
  const NodePerformance& performance = evaluation.performance;
  const NodeClasses classes = classes_of(node);
  Json json{{"classes", {classes.first, classes.second}},
            {"positive_class", classes.second},
            {"cases", evaluation.cases},
            {"evaluated", performance.positives + performance.negatives},
            {"positives", performance.positives},
            {"negatives", performance.negatives},
            {"unevaluated", evaluation.unevaluated},
            {"abstained", evaluation.abstained},
            {"auc",
             {{"value", json_of(performance.auc)},
              {"delong_95", json_of(performance.auc_delong)},
              {"bootstrap_95", json_of(performance.auc_bootstrap)}}}};
  Json points{{"half", json_of(performance.at_half, evaluation.cases)},
              {"package", json_of(performance.at_package, evaluation.cases)},
              {"youden", nullptr}};
  if (performance.at_youden) {
    points["youden"] = json_of(*performance.at_youden, evaluation.cases);
    points["youden"]["optimistic"] = "threshold chosen on the cases it is scored on";
  }
  json["operating_points"] = points;
  json["calibration"] = json_of(performance.calibration);
  Json roc = Json::array();
  for (const RocPoint& point : performance.roc) {
    roc.push_back({point.threshold, point.sensitivity, point.false_positive_rate});
  }
  json["roc"] = {{"columns", {"threshold", "sensitivity", "false_positive_rate"}}, {"rows", roc}};
  return json;
}

Json json_of(const std::map<Node, NodeEvaluation>& nodes) {
  Json json = Json::object();
  for (const auto& [node, evaluation] : nodes) {
    json[std::string(to_string(node))] = json_of(evaluation, node);
  }
  return json;
}

Json json_of(const EndToEnd& result) {
  Json json{{"accuracy_of_evaluated", with_wilson(result.accuracy_of_evaluated)},
            {"accuracy_of_all", with_wilson(result.accuracy_of_all)}};
  for (const std::string& label : four_classes) {
    json["sensitivity"][label] = with_wilson(result.sensitivity.at(label));
    json["ppv"][label] = with_wilson(result.ppv.at(label));
  }
  for (const std::string& label : true_classes) {
    for (const std::string& outcome : outcomes) {
      json["cases"][label][outcome] = result.cases.at(label).at(outcome);
    }
  }
  return json;
}

Json json_of(const SegmentationEvaluation& segmentation) {
  const LesionMatches& lesions = segmentation.lesions;
  return {{"cases", segmentation.cases},
          {"not_compared", segmentation.not_compared},
          {"both_empty", segmentation.both_empty},
          {"dice", json_of(segmentation.dice)},
          {"surface_dice", json_of(segmentation.surface_dice)},
          {"volume_error_mm3", json_of(segmentation.volume_error_mm3)},
          {"absolute_volume_error_mm3", json_of(segmentation.absolute_volume_error_mm3)},
          {"relative_volume_error", json_of(segmentation.relative_volume_error)},
          {"lesion_found", with_wilson(segmentation.lesion_found)},
          {"lesion_sensitivity", json_of(lesions.found)},
          {"lesion_precision", json_of(lesions.correct)},
          {"lesion_f1", json_of(lesion_f1(lesions))}};
}

Json json_of(const Detection& detection) {
  return {{"with_lesion", with_wilson(detection.with_lesion)},
          {"lesions", detection.lesions},
          {"volume_mm3", json_of(detection.volume_mm3)}};
}

template <typename Value> Json by_class(const std::map<std::string, Value>& classes) {
  Json json = Json::object();
  for (const auto& [label, value] : classes) {
    json[label] = json_of(value);
  }
  return json;
}

Json json_of(const Subgroup& group) {
  Json nodes = json_of(group.nodes);
  for (Json& node : nodes) {
    node.erase("roc"); // long, and the whole cohort's says more
  }
  return {{"column", group.column},
          {"value", group.value},
          {"cases", group.cases},
          {"nodes", nodes},
          {"accuracy_of_all", with_wilson(group.end_to_end.accuracy_of_all)},
          {"accuracy_of_evaluated", with_wilson(group.end_to_end.accuracy_of_evaluated)},
          {"dice", json_of(group.dice)}};
}

Json settings_json(const Evaluation& evaluation) {
  return {{"confidence", 0.95},
          {"bootstrap",
           {{"resamples", evaluation.bootstrap.resamples},
            {"seed", evaluation.bootstrap.seed},
            {"stratified", true},
            {"interval", "percentile"}}},
          {"calibration_bins", calibration_bins},
          {"surface_tolerance_mm", evaluation.rules.surface_tolerance_mm},
          {"lesion_overlap", evaluation.rules.lesion_overlap},
          {"masks_given", evaluation.masks_given}};
}

Json cases_json(const Evaluation& evaluation) {
  Json by_label = Json::object();
  Json by_status = Json::object();
  Json by_model = Json::object();
  for (const EvaluatedCase& evaluated : evaluation.cases) {
    const std::string status = evaluated.prediction ? evaluated.prediction->status : "missing";
    by_label[evaluated.label] = by_label.value(evaluated.label, 0) + 1;
    by_status[status] = by_status.value(status, 0) + 1;
    if (evaluated.prediction) {
      by_model[evaluated.prediction->model] = by_model.value(evaluated.prediction->model, 0) + 1;
    }
  }
  return {{"labelled", evaluation.cases.size()},
          {"by_class", by_label},
          {"by_status", by_status},
          {"by_model", by_model},
          {"predictions_without_label", evaluation.unlabelled},
          {"age_years", json_of(evaluation.age_years)}};
}

Json worst_json(const Evaluation& evaluation) {
  Json list = Json::array();
  for (const WorstCase& worst : worst_cases(evaluation)) {
    list.push_back({{"case_id", worst.evaluated->case_id},
                    {"problem", worst.problem},
                    {"label", worst.evaluated->label},
                    {"outcome", outcome_of(*worst.evaluated)}});
  }
  return list;
}

} // namespace

std::string metrics_json(const Evaluation& evaluation) {
  Json subgroups = Json::array();
  for (const Subgroup& group : evaluation.subgroups) {
    subgroups.push_back(json_of(group));
  }
  return text_of({{"schema_version", 1},
                  {"tool", {{"name", "cordlesion"}, {"version", version()}, {"commit", commit()}}},
                  {"settings", settings_json(evaluation)},
                  {"cases", cases_json(evaluation)},
                  {"nodes", json_of(evaluation.nodes)},
                  {"end_to_end", json_of(evaluation.end_to_end)},
                  {"segmentation", by_class(evaluation.segmentation)},
                  {"detection", by_class(evaluation.detection)},
                  {"subgroups", subgroups},
                  {"worst_cases", worst_json(evaluation)},
                  {"warnings", json_of(evaluation.warnings)},
                  {"disclaimer", disclaimer}});
}

} // namespace cordlesion::report
