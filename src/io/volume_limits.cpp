// The largest image that is read, checked before memory is taken for it.
#include "volume_limits.hpp"

#include "cordlesion/core/error.hpp"

namespace cordlesion::io {

void require_size_within_limit(const std::array<std::int64_t, 3>& size, const std::string& name) {
  std::uint64_t left = max_voxels;
  for (const std::int64_t extent : size) {
    left /= static_cast<std::uint64_t>(extent);
  }
  if (left == 0) {
    throw case_error(Stage::read, "too_large",
                     name + ": the header announces " + std::to_string(size[0]) + " x " +
                         std::to_string(size[1]) + " x " + std::to_string(size[2]) +
                         " voxels, at most " + std::to_string(max_voxels) + " are read",
                     "check the header; a spine scan is far smaller");
  }
}

} // namespace cordlesion::io
