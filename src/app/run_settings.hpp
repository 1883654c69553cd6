// What a run takes from its options and its model package together.
#pragma once

#include "cordlesion/app/predict_options.hpp"
#include "cordlesion/app/run_case.hpp"
#include "cordlesion/inference/model_package.hpp"
#include "cordlesion/report/case_report.hpp"

#include <optional>
#include <string>

namespace cordlesion::app {

CaseSettings case_settings(const PredictOptions& options, const inference::Manifest& manifest);

report::ModelRecord model_record(const inference::ModelPackage& package);

/// Digests of a case's files, of the package, and of the options (with device, precision,
/// version and corrected mask) that matter.
/// @param input_digest  as io::LoadedCase::digest
/// @param mask_digest   of the corrected mask, if there is one, as io::LoadedVolume::digest
report::Digests digests_of(const std::string& input_digest,
                           const std::optional<std::string>& mask_digest,
                           const report::ModelRecord& models, const inference::Networks& networks,
                           const PredictOptions& options);

} // namespace cordlesion::app
