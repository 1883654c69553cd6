// Selection of the slices that bear lesion.
#include "cordlesion/core/slice_selection.hpp"

#include <algorithm>

namespace cordlesion {

std::vector<std::size_t> lesion_bearing_slices(const NetworkStack<std::uint8_t>& masks) {
  std::vector<std::size_t> selected;
  for (std::size_t s = 0; s < masks.slices; ++s) {
    const std::uint8_t* pixels = masks.slice(s);
    if (std::any_of(pixels, pixels + masks.slice_size(), [](auto value) { return value != 0; })) {
      selected.push_back(s);
    }
  }
  return selected;
}

} // namespace cordlesion
