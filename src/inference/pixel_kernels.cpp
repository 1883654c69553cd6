// Loops over the channels of pixels, compiled for each generation of vector units.
#include "pixel_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

// The loader picks the version that the processor can run; the sanitizers' runtime is not ready
// when it does.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define CORDLESION_VECTORISED                                                                      \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CORDLESION_VECTORISED
#endif

namespace cordlesion::inference {
namespace {

// Vectors of the compiler: two to sixteen lanes, in as many instructions as the processor needs.
template <std::size_t lanes> struct Vectors {
  using Float __attribute__((vector_size(lanes * 4))) = float;
  using Bits __attribute__((vector_size(lanes * 4))) = std::uint32_t;
  using Half __attribute__((vector_size(lanes * 2))) = std::uint16_t;
};
template <> struct Vectors<1> { using Float = float; };

#define CORDLESION_INLINE inline __attribute__((always_inline))

template <std::size_t n>
CORDLESION_INLINE void read(const float* source, typename Vectors<n>::Float& value) {
  std::memcpy(&value, source, sizeof(value));
}

template <std::size_t n>
CORDLESION_INLINE void read(const Bf16* source, typename Vectors<n>::Float& value) {
  if constexpr (n == 1) {
    value = std::bit_cast<float>(static_cast<std::uint32_t>(*source) << 16U);
  } else {
    typename Vectors<n>::Half half;
    std::memcpy(&half, source, sizeof(half));
    const auto bits = __builtin_convertvector(half, typename Vectors<n>::Bits) << 16;
    std::memcpy(&value, &bits, sizeof(value));
  }
}

template <std::size_t n, bool>
CORDLESION_INLINE void write(const typename Vectors<n>::Float& value, float* target) {
  std::memcpy(target, &value, sizeof(value));
}

/// Makes of the bits of fp32 those of bfloat16, without branches. NaN stays NaN.
template <typename Bits> CORDLESION_INLINE void round_bits(Bits& bits) {
  const Bits nearest = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
  const Bits not_a_number = (bits & 0U) + 0x7fc0U;
  bits = (bits & 0x7fffffffU) > 0x7f800000U ? not_a_number : nearest;
}

template <std::size_t n, bool native>
CORDLESION_INLINE void write(const typename Vectors<n>::Float& value, Bf16* target) {
  if constexpr (native && n >= 8) {
    typename Vectors<n>::Half half;
    asm("vcvtneps2bf16 %1, %0" : "=v"(half) : "v"(value));
    std::memcpy(target, &half, sizeof(half));
  } else if constexpr (n == 1) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    round_bits(bits);
    *target = static_cast<Bf16>(bits);
  } else {
    typename Vectors<n>::Bits bits;
    std::memcpy(&bits, &value, sizeof(bits));
    round_bits(bits);
    const auto half = __builtin_convertvector(bits, typename Vectors<n>::Half);
    std::memcpy(target, &half, sizeof(half));
  }
}

template <typename Float> CORDLESION_INLINE void raise_to(float floor, Float& value) {
  const Float least = Float{} + floor;
  value = value < least ? least : value;
}

/// Calls body.template operator()<n>(lane) with sixteen lanes at a time, then with what is left.
template <typename Body> CORDLESION_INLINE void for_lanes(std::size_t lanes, const Body& body) {
  std::size_t lane = 0;
  for (; lane + 16 <= lanes; lane += 16) {
    body.template operator()<16>(lane);
  }
  const auto rest = [&]<std::size_t n>() __attribute__((always_inline)) {
    if ((lanes & n) != 0) {
      body.template operator()<n>(lane);
      lane += n;
    }
  };
  rest.template operator()<8>();
  rest.template operator()<4>();
  rest.template operator()<2>();
  rest.template operator()<1>();
}

/// Pixels whose numbers are read before those of the next: near each other in memory.
constexpr std::size_t pixels_at_once = 16;

template <bool native, typename Source, typename Target>
CORDLESION_INLINE void combine_any(const PixelRun<Source, Target>& run, const ChannelSteps& steps) {
  for (std::size_t begin = 0; begin < run.pixels; begin += pixels_at_once) {
    const std::size_t end = std::min(begin + pixels_at_once, run.pixels);
    for_lanes(
        run.lanes, [=]<std::size_t n>(std::size_t lane) __attribute__((always_inline)) {
          using Float = typename Vectors<n>::Float;
          Float scale[2];
          Float shift[2];
          for (const int step : {0, 1}) {
            read<n>(steps[step].scale + lane, scale[step]);
            read<n>(steps[step].shift + lane, shift[step]);
          }
          for (std::size_t pixel = begin; pixel < end; ++pixel) {
            Float value;
            Float added;
            read<n>(run.source + pixel * run.source_stride + lane, value);
            read<n>(run.added + pixel * run.added_stride + lane, added);
            value = value * scale[0] + shift[0] + added;
            raise_to(steps[0].floor, value);
            value = value * scale[1] + shift[1];
            raise_to(steps[1].floor, value);
            write<n, native>(value, run.target + pixel * run.target_stride + lane);
          }
        });
  }
}

} // namespace

CORDLESION_VECTORISED
void combine(const PixelRun<float, float>& run, const ChannelSteps& steps) {
  combine_any<false>(run, steps);
}

CORDLESION_VECTORISED
void combine(const PixelRun<float, Bf16>& run, const ChannelSteps& steps) {
  combine_any<false>(run, steps);
}

CORDLESION_VECTORISED
void combine(const PixelRun<Bf16, float>& run, const ChannelSteps& steps) {
  combine_any<false>(run, steps);
}

CORDLESION_VECTORISED
static void combine_generic(const PixelRun<Bf16, Bf16>& run, const ChannelSteps& steps) {
  combine_any<false>(run, steps);
}

#ifdef __x86_64__
__attribute__((target("arch=x86-64-v4,avx512bf16"))) static void
combine_native(const PixelRun<Bf16, Bf16>& run, const ChannelSteps& steps) {
  combine_any<true>(run, steps);
}
#endif

void combine(const PixelRun<Bf16, Bf16>& run, const ChannelSteps& steps) {
#ifdef __x86_64__
  static const bool native = __builtin_cpu_supports("avx512bf16") != 0;
  if (native) {
    return combine_native(run, steps);
  }
#endif
  combine_generic(run, steps);
}

} // namespace cordlesion::inference
