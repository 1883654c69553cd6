// Brier score and expected calibration error.
#include "cordlesion/core/calibration.hpp"

#include <algorithm>
#include <cmath>

namespace cordlesion {

std::optional<Calibration> calibration_of(const std::vector<ScoredCase>& cases) {
  if (cases.empty()) {
    return std::nullopt;
  }
  constexpr auto count = static_cast<double>(calibration_bins);
  std::vector<double> probability_sums(calibration_bins, 0);
  std::vector<double> positives(calibration_bins, 0);
  Calibration calibration;
  for (std::size_t bin = 0; bin < calibration_bins; ++bin) {
    const auto index = static_cast<double>(bin);
    calibration.bins.push_back({.low = index / count,
                                .high = (index + 1) / count,
                                .mean_probability = {},
                                .observed_share = {}});
  }
  for (const ScoredCase& scored : cases) {
    const auto bin =
        std::min(static_cast<std::size_t>(scored.probability * count), calibration_bins - 1);
    const double truth = scored.positive ? 1 : 0;
    ++calibration.bins[bin].cases;
    probability_sums[bin] += scored.probability;
    positives[bin] += truth;
    calibration.brier += std::pow(scored.probability - truth, 2);
  }
  const auto total = static_cast<double>(cases.size());
  calibration.brier /= total;
  for (std::size_t i = 0; i < calibration_bins; ++i) {
    CalibrationBin& bin = calibration.bins[i];
    if (bin.cases > 0) {
      const auto in_bin = static_cast<double>(bin.cases);
      bin.mean_probability = probability_sums[i] / in_bin;
      bin.observed_share = positives[i] / in_bin;
      calibration.ece += std::abs(probability_sums[i] - positives[i]) / total;
    }
  }
  return calibration;
}

} // namespace cordlesion
