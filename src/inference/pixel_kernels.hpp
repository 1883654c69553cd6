// Loops over the channels of a few pixels, the innermost work between convolutions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cordlesion::inference {

/// Rows of channels: `pixels` rows of `lanes` numbers, `stride` apart.
struct PixelRows {
  float* values = nullptr;
  std::size_t pixels = 0;
  std::size_t lanes = 0;
  std::size_t stride = 0;
};

/// Where ReLU stands beside a scale.
struct Clamp {
  bool before = false;
  bool after = false;
};

/// As fp32 what is stored as bfloat16 or fp32, `stride` numbers from pixel to pixel.
void load(const std::uint16_t* source, std::size_t stride, PixelRows target);
void load(const float* source, std::size_t stride, PixelRows target);

/// Adds to what `rows` holds.
void add(const std::uint16_t* source, std::size_t stride, PixelRows rows);
void add(const float* source, std::size_t stride, PixelRows rows);

/// To bfloat16 by rounding to the nearest, ties to even.
void store(PixelRows source, std::uint16_t* target, std::size_t stride);
void store(PixelRows source, float* target, std::size_t stride);

/// values * scale[lane] + shift[lane], with negative numbers becoming 0 before or after; NaN stays.
void scale_and_shift(PixelRows rows, const float* scale, const float* shift, Clamp clamp);
void clamp_negative(PixelRows rows);

} // namespace cordlesion::inference
