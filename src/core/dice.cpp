// Overlap of two masks as one number.
#include "cordlesion/core/dice.hpp"

namespace cordlesion {

double dice_coefficient(const Image& a, const Image& b) {
  if (a.grid().size != b.grid().size) {
    throw std::invalid_argument("masks of different sizes");
  }
  std::size_t common = 0;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < a.voxels().size(); ++i) {
    const bool in_a = a.voxels()[i] > 0;
    const bool in_b = b.voxels()[i] > 0;
    common += in_a && in_b ? 1 : 0;
    sum += (in_a ? 1 : 0) + (in_b ? 1 : 0);
  }
  return sum == 0 ? 1.0 : 2.0 * static_cast<double>(common) / static_cast<double>(sum);
}

} // namespace cordlesion
