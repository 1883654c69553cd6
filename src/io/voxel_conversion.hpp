// Raw voxels of any scalar type as float32.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace cordlesion::io {

/// Converts `count` values of type T from raw bytes: swapped if asked, times slope plus intercept.
template <typename T>
void convert_voxels(const char* raw, std::size_t count, bool swapped, double slope,
                    double intercept, float* out) {
  const bool scaled = slope != 1.0 || intercept != 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), raw + i * sizeof(T), sizeof(T));
    if (swapped) {
      std::reverse(bytes.begin(), bytes.end());
    }
    const T value = std::bit_cast<T>(bytes);
    out[i] = scaled ? static_cast<float>(static_cast<double>(value) * slope + intercept)
                    : static_cast<float>(value);
  }
}

} // namespace cordlesion::io
