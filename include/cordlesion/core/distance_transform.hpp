// Euclidean distances in millimetres on a stack with its own spacings.
#pragma once

#include "cordlesion/core/slice_stack.hpp"

#include <cstdint>
#include <vector>

namespace cordlesion {

/// Squared distance in mm2 from the centre of each voxel to the centre of the nearest non-zero
/// voxel of `sites`, in the order of its pixels; infinity without one. Exact, in linear time
/// (Felzenszwalb and Huttenlocher, Theory of Computing 2012;8:415-428).
std::vector<double> squared_distances_mm2(const SliceStack<std::uint8_t>& sites);

} // namespace cordlesion
