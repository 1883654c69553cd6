// The part of the options that results depend on.
#include "cordlesion/app/predict_options.hpp"

#include <sstream>

namespace cordlesion::app {
namespace {

std::string text_of(double value) {
  std::ostringstream text;
  text.precision(17);
  text << value;
  return text.str();
}

std::string text_of(bool value) {
  return value ? "true" : "false";
}

std::string text_of(inference::Precision precision) {
  switch (precision) {
  case inference::Precision::fp32:
    return "fp32";
  case inference::Precision::bf16:
    return "bf16";
  case inference::Precision::automatic:
    break;
  }
  return "auto";
}

std::string text_of(io::Orientation orientation) {
  switch (orientation) {
  case io::Orientation::sform:
    return "sform";
  case io::Orientation::qform:
    return "qform";
  case io::Orientation::agreeing:
    break;
  }
  return "agreeing";
}

} // namespace

std::map<std::string, std::string> result_options(const PredictOptions& options) {
  std::map<std::string, std::string> texts{
      {"device", options.network.device},
      {"precision", text_of(options.network.precision)},
      {"engine", options.network.engine == inference::Engine::automatic ? "auto" : "torchscript"},
      {"abstain_margin", text_of(options.abstain_margin)},
      {"all_nodes", text_of(options.all_nodes)},
      {"save_probability", text_of(options.save_probability)},
      {"corrected_masks", text_of(options.corrected_masks.has_value())},
      {"series_uid_given", text_of(options.load.series_uid.has_value())},
      {"series_policy", options.load.fail_on_ambiguity ? "fail" : "best"},
      {"assume_sagittal_t2", text_of(options.load.assume_sagittal_t2)},
      {"allow_gaps", text_of(options.load.allow_gaps)},
      {"include_identifiers", text_of(options.load.include_identifiers)},
  };
  const io::VolumeChoice& choice = options.load.volume_choice;
  texts["prefer"] = text_of(choice.orientation);
  if (choice.volume) {
    texts["volume"] = std::to_string(*choice.volume);
  }
  if (options.min_lesion_mm3) {
    texts["min_lesion_mm3"] = text_of(*options.min_lesion_mm3);
  }
  for (const auto& [node, threshold] : options.thresholds) {
    texts["threshold." + std::string(to_string(node))] = text_of(threshold);
  }
  return texts;
}

} // namespace cordlesion::app
