// Writes case reports as JSON and reads back what --resume needs of them.
#include "cordlesion/report/report_json.hpp"

#include "cordlesion/core/version.hpp"
#include "json_text.hpp"
#include "model_json.hpp"
#include "series_json.hpp"

namespace cordlesion::report {
namespace {

using report::json_of; // the overloads below would hide those of the shared headers

Json json_of(const InputRecord& input) {
  Json json{{"format", input.format}};
  add_grid(json, input.grid);
  json["digest"] = input.digest;
  if (input.missing_slices) {
    json["missing_slices"] = *input.missing_slices;
  }
  if (input.series) {
    json["series"] = json_of(*input.series);
    json["series"]["candidates"] = candidates_json(input.candidates);
  }
  return json;
}

Json json_of(const PreprocessingRecord& preprocessing) {
  const NetworkFrame& frame = preprocessing.frame;
  return {
      {"canonical_axes",
       {{"source_axis", preprocessing.axes.source_axis}, {"flipped", preprocessing.axes.flipped}}},
      {"normalisation", {{"clip_sd", preprocessing.normalisation.clip_sd}}},
      {"fit", preprocessing.fit},
      {"frame",
       {{"size", frame.size},
        {"top", frame.top},
        {"left", frame.left},
        {"height", frame.height},
        {"width", frame.width}}}};
}

Json json_of(const SegmentationRecord& segmentation) {
  Json json{{"source", segmentation.source}};
  add_if(json, "threshold", segmentation.threshold);
  json["min_lesion_mm3"] = segmentation.min_lesion_mm3;
  json["removed_components"] = segmentation.removed_components;
  json["lesion_count"] = segmentation.lesion_count;
  json["voxels"] = segmentation.voxels;
  json["volume_mm3"] = finite(segmentation.volume_mm3, "volume");
  return json;
}

Json json_of(const SelectedSlice& slice) {
  Json probabilities = Json::object();
  for (const auto& [node, probability] : slice.second_class_probability) {
    probabilities[std::string(to_string(node))] = finite(probability, "slice probability");
  }
  return {{"index", slice.index},
          {"area_mm2", finite(slice.area_mm2, "area")},
          {"second_class_probability", probabilities}};
}

Json json_of(const Lesion& lesion) {
  return {{"id", lesion.id},
          {"voxels", lesion.voxels},
          {"volume_mm3", finite(lesion.volume_mm3, "volume")},
          {"length_si_mm", finite(lesion.length_si_mm, "length")},
          {"width_ap_mm", finite(lesion.width_ap_mm, "width")},
          {"max_area_mm2", finite(lesion.max_area_mm2, "area")},
          {"centroid_voxel", json_of(lesion.centroid_voxel)},
          {"centroid_ras_mm", json_of(lesion.centroid_ras_mm)},
          {"slices", lesion.slices},
          {"mean_intensity", finite(lesion.mean_intensity, "intensity")},
          {"sd_intensity", finite(lesion.sd_intensity, "intensity")},
          {"touches_border", lesion.touches_border}};
}

Json json_of(const NodeOutcome& outcome, Node node) {
  const NodeClasses classes = classes_of(node);
  const double p = finite(outcome.second_probability, "probability");
  Json probabilities{{std::string(classes.first), 1 - p}, {std::string(classes.second), p}};
  return {{"reached", outcome.reached},     {"probabilities", probabilities},
          {"threshold", outcome.threshold}, {"decision", outcome.decision},
          {"margin", outcome.margin},       {"n_slices", outcome.slice_probabilities.size()}};
}

Json json_of(const CascadeResult& result) {
  Json nodes = Json::object();
  for (const auto& [node, value] : result.nodes) {
    const auto* outcome = std::get_if<NodeOutcome>(&value);
    nodes[std::string(to_string(node))] =
        outcome != nullptr ? json_of(*outcome, node) : Json{{"reached", false}};
  }
  Json json{{"label", nullptr}, {"path", result.path}, {"nodes", nodes}};
  if (result.label) {
    json["label"] = *result.label;
  }
  return json;
}

template <typename Items> Json list_of(const Items& items) {
  Json list = Json::array();
  for (const auto& item : items) {
    list.push_back(json_of(item));
  }
  return list;
}

/// What lies between unevenly spaced slices is not known.
void erase_volumes(Json& json) {
  json["segmentation"].erase("volume_mm3");
  for (Json& lesion : json["lesions"]) {
    lesion.erase("volume_mm3");
  }
}

void add_completed(Json& json, const CompletedCase& done) {
  json["input"] = json_of(done.input);
  json["preprocessing"] = json_of(done.preprocessing);
  json["segmentation"] = json_of(done.segmentation);
  json["selected_slices"] = list_of(done.selected_slices);
  json["lesions"] = list_of(done.lesions);
  if (done.input.missing_slices) {
    erase_volumes(json);
  }
  json["classification"] = json_of(done.classification);
  json["geometry"] = {{"max_corner_error_mm", finite(done.max_corner_error_mm, "corner error")}};
}

Json json_of(const Digests& digests) {
  Json json{{"input", digests.input}, {"models", digests.models}, {"options", digests.options}};
  if (digests.lesion_mask) {
    json["lesion_mask"] = *digests.lesion_mask;
  }
  if (digests.lesion_probability) {
    json["lesion_probability"] = *digests.lesion_probability;
  }
  return json;
}

Json json_of(const Error& error) {
  return {{"stage", to_string(error.stage())},
          {"code", error.code()},
          {"message", error.what()},
          {"hint", error.hint()}};
}

} // namespace

std::string_view status_of(const CaseReport& report) {
  const auto* done = std::get_if<CompletedCase>(&report.outcome);
  if (done == nullptr) {
    return "failed";
  }
  return done->segmentation.voxels == 0 ? "no_lesion" : "ok";
}

std::string to_json(const CaseReport& report) {
  Json json{{"schema_version", report_schema_version},
            {"tool", {{"name", "cordlesion"}, {"version", version()}, {"commit", commit()}}},
            {"case_id", report.case_id},
            {"status", status_of(report)},
            {"warnings", json_of(report.warnings)},
            {"skipped_files", report.skipped_files}};
  if (const auto* done = std::get_if<CompletedCase>(&report.outcome)) {
    add_completed(json, *done);
  } else {
    const auto& failed = std::get<FailedCase>(report.outcome);
    json["error"] = json_of(failed.error);
    if (!failed.candidates.empty()) {
      json["candidates"] = candidates_json(failed.candidates);
    }
  }
  json["models"] = json_of(report.models);
  json["digests"] = json_of(report.digests);
  json["timing_ms"] = numbers_of(report.timing_ms, 3);
  json["device"] = report.device;
  json["precision"] = report.precision;
  json["identifiers_included"] = report.identifiers_included;
  json["disclaimer"] = disclaimer;
  return text_of(json);
}

std::optional<Digests> digests_of_complete_report(const std::string& json) {
  try {
    const Json report = Json::parse(json);
    if (report.at("tool").at("name") != "cordlesion" ||
        report.at("schema_version") != report_schema_version || report.at("status") == "failed") {
      return std::nullopt;
    }
    const Json& digests = report.at("digests");
    Digests found{.input = digests.at("input"),
                  .models = digests.at("models"),
                  .options = digests.at("options"),
                  .lesion_mask = digests.at("lesion_mask").get<std::string>()};
    if (digests.contains("lesion_probability")) {
      found.lesion_probability = digests["lesion_probability"].get<std::string>();
    }
    return found;
  } catch (const Json::exception&) { // damaged, or something else's
    return std::nullopt;
  }
}

bool is_case_report(const std::string& json) {
  const Json report = Json::parse(json, nullptr, false);
  return report.is_object() && report.contains("schema_version") && report.contains("case_id") &&
         report.contains("tool") && report["tool"].is_object() &&
         report["tool"].value("name", Json()) == "cordlesion";
}

} // namespace cordlesion::report
