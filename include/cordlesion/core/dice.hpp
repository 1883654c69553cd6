// Overlap of two masks as one number.
#pragma once

#include "cordlesion/core/volume.hpp"

namespace cordlesion {

/// Dice coefficient 2 |A and B| / (|A| + |B|) of two masks of the same size, every value above 0
/// being lesion; 1 if both are empty. Throws std::invalid_argument if the sizes differ.
double dice_coefficient(const Image& a, const Image& b);

} // namespace cordlesion
