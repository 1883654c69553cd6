// The slices that bear lesion: those the classifiers see.
#pragma once

#include "cordlesion/core/preprocess.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordlesion {

/// Indices of the slices whose mask has a pixel on the network's square, ascending.
std::vector<std::size_t> lesion_bearing_slices(const NetworkStack<std::uint8_t>& masks);

} // namespace cordlesion
