// The largest image that is read, checked before memory is taken for it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace cordlesion::io {

/// 2 GiB as float32: far beyond a clinical spine scan, well within the loading process' memory.
inline constexpr std::uint64_t max_voxels = std::uint64_t{1} << 29;

/// Throws a case error `too_large` naming the sizes; they must be positive.
void require_size_within_limit(const std::array<std::int64_t, 3>& size, const std::string& name);

} // namespace cordlesion::io
