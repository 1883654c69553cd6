// The innermost work between convolutions: loops over the channels of a run of pixels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cordlesion::inference {

/// A bfloat16 number, by its bits.
using Bf16 = std::uint16_t;

/// Pixels one behind the other; strides count numbers from a pixel to the next.
template <typename Source, typename Target> struct PixelRun {
  const Source* source = nullptr;
  std::size_t source_stride = 0;
  const Source* added = nullptr;
  std::size_t added_stride = 0;
  Target* target = nullptr; ///< may be where `added` is, if they are of one type and stride
  std::size_t target_stride = 0;
  std::size_t pixels = 0;
  std::size_t lanes = 0; ///< numbers of a pixel
};

/// max(floor, scale[lane] * value + shift[lane]); NaN stays.
struct ChannelStep {
  const float* scale = nullptr;
  const float* shift = nullptr;
  float floor = 0;
};
using ChannelSteps = std::array<ChannelStep, 2>;

/// Of each number the first step, in which `added` is added before the floor, then the second.
/// Computed in fp32; to bfloat16 by rounding to the nearest, ties to even, where a CPU with such an
/// instruction makes 0 of numbers below 1.2e-38.
void combine(const PixelRun<float, float>& run, const ChannelSteps& steps);
void combine(const PixelRun<float, Bf16>& run, const ChannelSteps& steps);
void combine(const PixelRun<Bf16, float>& run, const ChannelSteps& steps);
void combine(const PixelRun<Bf16, Bf16>& run, const ChannelSteps& steps);

} // namespace cordlesion::inference
