// Settings and digests of a run.
#include "run_settings.hpp"

#include "cordlesion/core/digest.hpp"
#include "cordlesion/core/version.hpp"

namespace cordlesion::app {
namespace {

std::string digest_of(const std::map<std::string, std::string>& texts) {
  std::string joined;
  for (const auto& [name, value] : texts) {
    joined += name + '=' + value + '\n';
  }
  return sha256_of_text(joined);
}

} // namespace

CaseSettings case_settings(const PredictOptions& options, const inference::Manifest& manifest) {
  CaseSettings settings;
  settings.manifest = manifest;
  settings.min_lesion_mm3 = options.min_lesion_mm3.value_or(manifest.min_lesion_mm3);
  settings.min_corrected_lesion_mm3 = options.min_lesion_mm3.value_or(0);
  settings.save_probability = options.save_probability;
  settings.cascade.abstain_margin = options.abstain_margin;
  settings.cascade.evaluate_all_nodes = options.all_nodes;
  settings.cascade.thresholds = options.thresholds;
  for (const auto& [node, classifier] : manifest.classifiers) {
    settings.cascade.thresholds.try_emplace(node, classifier.threshold);
  }
  return settings;
}

report::ModelRecord model_record(const inference::ModelPackage& package) {
  return {.name = package.manifest.name,
          .version = package.manifest.version,
          .trained = package.manifest.trained,
          .trained_on = package.manifest.trained_on,
          .verified = package.verified,
          .sha256 = package.sha256};
}

report::Digests digests_of(const std::string& input_digest,
                           const std::optional<std::string>& mask_digest,
                           const report::ModelRecord& models, const inference::Networks& networks,
                           const PredictOptions& options) {
  std::map<std::string, std::string> option_texts = result_options(options);
  option_texts["device"] = networks.device(); // what `auto` came to
  option_texts["precision"] = networks.precision();
  option_texts["engine"] = networks.engine();
  option_texts["version"] = version();
  option_texts["series_uid"] = options.load.series_uid.value_or("");
  if (mask_digest) {
    option_texts["corrected_mask"] = *mask_digest;
  }
  return {.input = input_digest,
          .models = digest_of(models.sha256),
          .options = digest_of(option_texts)};
}

} // namespace cordlesion::app
