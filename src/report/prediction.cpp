// Reading of case reports for an evaluation.
#include "cordlesion/report/prediction.hpp"

#include "cordlesion/core/error.hpp"
#include "cordlesion/report/report_json.hpp"
#include "prediction_json.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace cordlesion::report {
namespace {

constexpr std::array<std::string_view, 3> statuses{"ok", "no_lesion", "failed"};
constexpr std::array<std::string_view, 5> labels{
    final_classes[0], final_classes[1], final_classes[2], final_classes[3], "indeterminate"};

Error damaged(const std::string& what) {
  return case_error(Stage::read, "report_damaged", what,
                    "Predict the case again with this version of the program.");
}

std::string text_of_key(const Json& json, const char* key) {
  return json.at(key).get<std::string>();
}

double probability_of(const Json& value) {
  const auto probability = value.get<double>();
  if (!(probability >= 0 && probability <= 1)) {
    throw damaged("a probability of the report is not between 0 and 1");
  }
  return probability;
}

std::map<Node, NodePrediction> nodes_of(const Json& classification) {
  std::map<Node, NodePrediction> nodes;
  for (const Node node : all_nodes) {
    const Json& json = classification.at("nodes").at(std::string(to_string(node)));
    if (json.contains("probabilities")) {
      const std::string second(classes_of(node).second);
      nodes[node] = {.second_probability = probability_of(json["probabilities"].at(second)),
                     .threshold = probability_of(json.at("threshold")),
                     .abstained = json.at("decision") == "indeterminate"};
    }
  }
  return nodes;
}

/// The text of a key that has to be one of a few.
template <typename Texts>
std::string known_text_of_key(const Json& json, const char* key, const Texts& known) {
  std::string text = text_of_key(json, key);
  if (std::find(known.begin(), known.end(), text) == known.end()) {
    throw damaged("the report's " + std::string(key) + " '" + text + "' is unknown");
  }
  return text;
}

/// None without a lesion, and only then.
std::optional<std::string> label_of(const Json& classification, const std::string& status) {
  const bool labelled = !classification.at("label").is_null();
  if (labelled == (status == "no_lesion")) {
    throw damaged("the report's status " + status + " does not go with " + (labelled ? "a" : "no") +
                  " label");
  }
  return labelled ? std::optional(known_text_of_key(classification, "label", labels))
                  : std::nullopt;
}

void require_known_schema(const Json& report) {
  const Json& found = report.at("schema_version");
  if (found != report_schema_version) {
    throw damaged("the report has schema_version " + found.dump() + ", expected " +
                  std::to_string(report_schema_version));
  }
}

Error incomplete() {
  return damaged("report.json is not a complete report of this program");
}

Prediction parsed(const Json& report) {
  require_known_schema(report);
  const Json& tool = report.at("tool");
  const Json& models = report.at("models");
  Prediction prediction;
  prediction.case_id = text_of_key(report, "case_id");
  prediction.status = known_text_of_key(report, "status", statuses);
  prediction.model = text_of_key(models, "name") + " " + text_of_key(models, "version");
  const Json& digests = report.at("digests");
  prediction.models_digest = text_of_key(digests, "models");
  if (digests.contains("lesion_mask")) {
    prediction.mask_digest = text_of_key(digests, "lesion_mask");
  }
  prediction.trained = models.at("trained").get<bool>();
  prediction.trained_on = text_of_key(models, "trained_on");
  prediction.software = text_of_key(tool, "name") + " " + text_of_key(tool, "version") + " (" +
                        text_of_key(tool, "commit") + ")";
  prediction.identifiers_included = report.at("identifiers_included").get<bool>();
  if (prediction.status == "failed") {
    prediction.error_code = text_of_key(report.at("error"), "code");
    return prediction;
  }
  const Json& classification = report.at("classification");
  prediction.label = label_of(classification, prediction.status);
  prediction.nodes = nodes_of(classification);
  prediction.lesions = report.at("lesions").size();
  const Json& segmentation = report.at("segmentation");
  if (segmentation.contains("volume_mm3")) {
    prediction.volume_mm3 = segmentation.at("volume_mm3").get<double>();
  }
  prediction.segmentation_source = text_of_key(segmentation, "source");
  return prediction;
}

} // namespace

Prediction prediction_of(const Json& report) {
  try {
    return parsed(report);
  } catch (const Json::exception&) {
    throw incomplete();
  }
}

Prediction prediction_of(const std::string& report_json) {
  Json report;
  try {
    report = Json::parse(report_json);
  } catch (const Json::exception&) {
    throw incomplete();
  }
  return prediction_of(report);
}

} // namespace cordlesion::report
