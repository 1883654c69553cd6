// Overlap of two masks by voxels and by lesions.
#include "cordlesion/core/mask_agreement.hpp"

#include "cordlesion/core/lesion_mask.hpp"
#include "cordlesion/core/lesions.hpp"

#include <vector>

namespace cordlesion {
namespace {

/// How many lesions of `mask` have enough of their voxels in `other`.
Proportion matched_lesions(const SliceStack<std::uint8_t>& mask,
                           const SliceStack<std::uint8_t>& other, double lesion_overlap) {
  const Components components = connected_components(mask);
  const auto count = static_cast<std::size_t>(components.count);
  std::vector<std::size_t> voxels(count + 1, 0);
  std::vector<std::size_t> common(count + 1, 0);
  for (std::size_t i = 0; i < components.labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(components.labels[i]);
    ++voxels[label];
    common[label] += other.pixels[i];
  }
  Proportion matched{0, count};
  for (std::size_t label = 1; label <= count; ++label) {
    const auto share = static_cast<double>(common[label]) / static_cast<double>(voxels[label]);
    if (common[label] > 0 && share >= lesion_overlap) {
      ++matched.numerator;
    }
  }
  return matched;
}

} // namespace

std::optional<double> dice_of(const MaskAgreement& agreement) {
  return value_of(
      {2 * agreement.common_voxels, agreement.predicted_voxels + agreement.reference_voxels});
}

std::optional<double> relative_volume_error(const MaskAgreement& agreement) {
  if (agreement.reference_voxels == 0) {
    return std::nullopt;
  }
  return (agreement.predicted_mm3 - agreement.reference_mm3) / agreement.reference_mm3;
}

std::optional<double> lesion_f1(const LesionMatches& matches) {
  const auto sensitivity = value_of(matches.found);
  const auto precision = value_of(matches.correct);
  if (!sensitivity || !precision) {
    return std::nullopt;
  }
  const double sum = *sensitivity + *precision;
  return sum > 0 ? 2 * *sensitivity * *precision / sum : 0;
}

LesionMatches match_lesions(const SliceStack<std::uint8_t>& predicted,
                            const SliceStack<std::uint8_t>& reference, double lesion_overlap) {
  return {.found = matched_lesions(reference, predicted, lesion_overlap),
          .correct = matched_lesions(predicted, reference, lesion_overlap)};
}

MaskAgreement mask_agreement(const SliceStack<std::uint8_t>& predicted,
                             const SliceStack<std::uint8_t>& reference,
                             const AgreementRules& rules) {
  MaskAgreement agreement;
  agreement.predicted_voxels = count_voxels(predicted);
  agreement.reference_voxels = count_voxels(reference);
  for (std::size_t i = 0; i < predicted.pixels.size(); ++i) {
    agreement.common_voxels += predicted.pixels[i] & reference.pixels[i];
  }
  agreement.predicted_mm3 = static_cast<double>(agreement.predicted_voxels) * predicted.voxel_mm3();
  agreement.reference_mm3 = static_cast<double>(agreement.reference_voxels) * reference.voxel_mm3();
  agreement.lesions = match_lesions(predicted, reference, rules.lesion_overlap);
  agreement.surface_dice = surface_dice(predicted, reference, rules.surface_tolerance_mm);
  return agreement;
}

} // namespace cordlesion
