// Reading of case reports for an evaluation.
#include "cordlesion/report/prediction.hpp"

#include "cordlesion/core/error.hpp"
#include "json_text.hpp"

namespace cordlesion::report {
namespace {

std::string text_of_key(const Json& json, const char* key) {
  return json.at(key).get<std::string>();
}

double probability_of(const Json& value) {
  const auto probability = value.get<double>();
  if (!(probability >= 0 && probability <= 1)) {
    throw case_error(Stage::read, "report_damaged",
                     "a probability of the report is not between 0 and 1");
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

Prediction parsed(const Json& report) {
  const Json& tool = report.at("tool");
  const Json& models = report.at("models");
  Prediction prediction;
  prediction.case_id = text_of_key(report, "case_id");
  prediction.status = text_of_key(report, "status");
  prediction.model = text_of_key(models, "name") + " " + text_of_key(models, "version");
  prediction.trained = models.at("trained").get<bool>();
  prediction.trained_on = text_of_key(models, "trained_on");
  prediction.software = text_of_key(tool, "name") + " " + text_of_key(tool, "version") + " (" +
                        text_of_key(tool, "commit") + ")";
  if (prediction.status == "failed") {
    prediction.error_code = text_of_key(report.at("error"), "code");
    return prediction;
  }
  const Json& classification = report.at("classification");
  if (!classification.at("label").is_null()) {
    prediction.label = text_of_key(classification, "label");
  }
  prediction.nodes = nodes_of(classification);
  prediction.lesions = report.at("lesions").size();
  prediction.volume_mm3 = report.at("segmentation").at("volume_mm3").get<double>();
  prediction.segmentation_source = text_of_key(report.at("segmentation"), "source");
  return prediction;
}

} // namespace

Prediction prediction_of(const std::string& report_json) {
  try {
    return parsed(Json::parse(report_json));
  } catch (const Json::exception&) {
    throw case_error(Stage::read, "report_damaged",
                     "report.json is not a complete report of this program",
                     "Predict the case again.");
  }
}

} // namespace cordlesion::report
