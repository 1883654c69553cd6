// How well a predicted lesion mask agrees with a reference mask.
#pragma once

#include "cordlesion/core/slice_stack.hpp"
#include "cordlesion/core/statistics.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace cordlesion {

struct AgreementRules {
  double surface_tolerance_mm = 1;
  /// A lesion counts as matched if more than none and at least this share of its voxels lies in the
  /// other mask; 0: one common voxel is enough.
  double lesion_overlap = 0;
};

/// Lesions are 26-connected components.
struct LesionMatches {
  Proportion found;   ///< reference lesions matched by the prediction, of all reference lesions
  Proportion correct; ///< predicted lesions matched by the reference, of all predicted lesions
};

/// Agreement of two masks on one grid.
struct MaskAgreement {
  std::size_t predicted_voxels = 0;
  std::size_t reference_voxels = 0;
  std::size_t common_voxels = 0;
  double predicted_mm3 = 0;
  double reference_mm3 = 0;
  LesionMatches lesions;
  /// Normalised surface distance; none if both masks are empty, 0 if one is.
  std::optional<double> surface_dice;
};

/// 2 common / (predicted + reference); none if both masks are empty, 0 if one is.
std::optional<double> dice_of(const MaskAgreement& agreement);

/// Signed, (predicted - reference) / reference; none of an empty reference.
std::optional<double> relative_volume_error(const MaskAgreement& agreement);

/// F1 = 2 s p / (s + p) of lesion-wise sensitivity s and precision p; 0 if both are 0, none if
/// either is undefined.
std::optional<double> lesion_f1(const LesionMatches& matches);

LesionMatches match_lesions(const SliceStack<std::uint8_t>& predicted,
                            const SliceStack<std::uint8_t>& reference, double lesion_overlap);

/// Normalised surface distance (Nikolov et al. 2021), on voxels: the surface of a mask are its
/// voxels with a face neighbour outside the mask or the image; the measure is the share of both
/// surfaces' voxels whose centre lies within `tolerance_mm` of a surface voxel's centre of the
/// other mask. Spacings are respected. None if both masks are empty, 0 if one is.
std::optional<double> surface_dice(const SliceStack<std::uint8_t>& predicted,
                                   const SliceStack<std::uint8_t>& reference, double tolerance_mm);

/// Both masks as 0 and 1, on the same stack.
MaskAgreement mask_agreement(const SliceStack<std::uint8_t>& predicted,
                             const SliceStack<std::uint8_t>& reference,
                             const AgreementRules& rules);

} // namespace cordlesion
