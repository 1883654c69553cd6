// What an evaluation takes from the report of a case.
#pragma once

#include "cordlesion/core/cascade.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace cordlesion::report {

struct NodePrediction {
  double second_probability = 0;
  double threshold = 0.5;
  bool abstained = false; ///< the decision was `indeterminate`
};

struct Prediction {
  std::string case_id;
  std::string status;               ///< ok, no_lesion, failed
  std::optional<std::string> label; ///< of the cascade; none without a lesion or of a failed case
  std::map<Node, NodePrediction> nodes; ///< those with a probability, on the path or not
  std::size_t lesions = 0;
  std::optional<double> volume_mm3; ///< none of a failed case or one with gaps between its slices
  std::string segmentation_source;  ///< network or corrected_mask; empty of a failed case
  std::string error_code;           ///< of a failed case, else empty
  std::string model;                ///< name and version of the package
  std::string models_digest;        ///< of its networks; may be empty of a failed case
  std::optional<std::string> mask_digest; ///< of lesion_mask.nii.gz as it was written
  bool trained = false;
  std::string trained_on;
  bool identifiers_included = false; ///< identities from the images stand in the report
  std::string software;              ///< name, version and commit of the program that predicted
};

/// Throws a case error (stage read, `report_damaged`) if the text is no report of this program,
/// or one of another schema version, with an unknown status or label.
Prediction prediction_of(const std::string& report_json);

} // namespace cordlesion::report
