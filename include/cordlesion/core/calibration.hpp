// Whether probabilities mean what they say.
#pragma once

#include "cordlesion/core/roc.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace cordlesion {

/// Cases whose probability lies in [low, high), the last bin including 1.
struct CalibrationBin {
  double low = 0;
  double high = 0;
  std::size_t cases = 0;
  std::optional<double> mean_probability;
  std::optional<double> observed_share; ///< of the second class
};

struct Calibration {
  double brier = 0; ///< mean squared difference of probability and class (0 or 1)
  double ece = 0;   ///< expected calibration error: mean |probability - share|, bins by their cases
  std::vector<CalibrationBin> bins;
};

inline constexpr std::size_t calibration_bins = 10; ///< of equal width

/// None without a case.
std::optional<Calibration> calibration_of(const std::vector<ScoredCase>& cases);

} // namespace cordlesion
