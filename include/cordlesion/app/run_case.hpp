// One case from its image to its report: the whole method in order.
#pragma once

#include "cordlesion/core/lesion_mask.hpp"
#include "cordlesion/core/volume.hpp"
#include "cordlesion/inference/networks.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/report/case_report.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::app {

/// The settings that hold for every case of a run.
struct CaseSettings {
  inference::Manifest manifest;
  CascadeOptions cascade;
  double min_lesion_mm3 = 0;
  double min_corrected_lesion_mm3 = 0; ///< of corrected masks, which the package's minimum spares
  bool save_probability = false;
};

/// Everything computed from one image.
struct CaseResult {
  report::CompletedCase record;
  Mask mask;                        ///< on exactly the source grid
  std::optional<Image> probability; ///< on the source grid, if asked for and segmented
  std::vector<Warning> warnings;
  std::map<std::string, double> timing_ms;
};

/// Computes one case. `corrected` replaces the segmenter. Throws a case error of the stage that
/// failed; writes nothing.
CaseResult run_case(io::LoadedCase loaded, const std::optional<Image>& corrected,
                    inference::Networks& networks, const CaseSettings& settings);

} // namespace cordlesion::app
