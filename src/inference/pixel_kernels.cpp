// Loops over the channels of a few pixels, compiled for each generation of vector units.
#include "pixel_kernels.hpp"

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

// Vectors of the compiler: sixteen or eight lanes, in as many instructions as the processor needs.
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
CORDLESION_INLINE void read(const std::uint16_t* source, typename Vectors<n>::Float& value) {
  if constexpr (n == 1) {
    value = std::bit_cast<float>(static_cast<std::uint32_t>(*source) << 16U);
  } else {
    typename Vectors<n>::Half half;
    std::memcpy(&half, source, sizeof(half));
    const auto bits = __builtin_convertvector(half, typename Vectors<n>::Bits) << 16;
    std::memcpy(&value, &bits, sizeof(value));
  }
}

template <std::size_t n>
CORDLESION_INLINE void write(const typename Vectors<n>::Float& value, float* target) {
  std::memcpy(target, &value, sizeof(value));
}

/// Makes of the bits of fp32 those of bfloat16, without branches. NaN stays NaN.
template <typename Bits> CORDLESION_INLINE void round_bits(Bits& bits) {
  const Bits nearest = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
  const Bits not_a_number = (bits & 0U) + 0x7fc0U;
  bits = (bits & 0x7fffffffU) > 0x7f800000U ? not_a_number : nearest;
}

template <std::size_t n>
CORDLESION_INLINE void write(const typename Vectors<n>::Float& value, std::uint16_t* target) {
  if constexpr (n == 1) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    round_bits(bits);
    *target = static_cast<std::uint16_t>(bits);
  } else {
    typename Vectors<n>::Bits bits;
    std::memcpy(&bits, &value, sizeof(bits));
    round_bits(bits);
    const auto half = __builtin_convertvector(bits, typename Vectors<n>::Half);
    std::memcpy(target, &half, sizeof(half));
  }
}

template <typename Float> CORDLESION_INLINE void clamp_value(Float& value) {
  const Float zero{};
  value = value < 0.0F ? zero : value;
}

/// Calls body.template operator()<n>(lane) for sixteen lanes at a time, then eight, then one.
template <typename Body> CORDLESION_INLINE void for_lanes(std::size_t lanes, const Body& body) {
  std::size_t lane = 0;
  for (; lane + 16 <= lanes; lane += 16) {
    body.template operator()<16>(lane);
  }
  for (; lane + 8 <= lanes; lane += 8) {
    body.template operator()<8>(lane);
  }
  for (; lane < lanes; ++lane) {
    body.template operator()<1>(lane);
  }
}

template <typename T>
CORDLESION_INLINE void load_any(const T* source, std::size_t stride, PixelRows target) {
  for_lanes(
      target.lanes, [=]<std::size_t n>(std::size_t lane) __attribute__((always_inline)) {
        for (std::size_t pixel = 0; pixel < target.pixels; ++pixel) {
          typename Vectors<n>::Float value;
          read<n>(source + pixel * stride + lane, value);
          write<n>(value, target.values + pixel * target.stride + lane);
        }
      });
}

template <typename T>
CORDLESION_INLINE void add_any(const T* source, std::size_t stride, PixelRows rows) {
  for_lanes(
      rows.lanes, [=]<std::size_t n>(std::size_t lane) __attribute__((always_inline)) {
        for (std::size_t pixel = 0; pixel < rows.pixels; ++pixel) {
          float* row = rows.values + pixel * rows.stride + lane;
          typename Vectors<n>::Float value;
          typename Vectors<n>::Float sum;
          read<n>(source + pixel * stride + lane, value);
          read<n>(row, sum);
          write<n>(sum + value, row);
        }
      });
}

template <typename T>
CORDLESION_INLINE void store_any(PixelRows source, T* target, std::size_t stride) {
  for_lanes(
      source.lanes, [=]<std::size_t n>(std::size_t lane) __attribute__((always_inline)) {
        for (std::size_t pixel = 0; pixel < source.pixels; ++pixel) {
          typename Vectors<n>::Float value;
          read<n>(source.values + pixel * source.stride + lane, value);
          write<n>(value, target + pixel * stride + lane);
        }
      });
}

template <bool before, bool after>
CORDLESION_INLINE void scale_any(PixelRows rows, const float* scale, const float* shift) {
  for_lanes(
      rows.lanes, [=]<std::size_t n>(std::size_t lane) __attribute__((always_inline)) {
        typename Vectors<n>::Float factor;
        typename Vectors<n>::Float addend;
        read<n>(scale + lane, factor);
        read<n>(shift + lane, addend);
        for (std::size_t pixel = 0; pixel < rows.pixels; ++pixel) {
          float* row = rows.values + pixel * rows.stride + lane;
          typename Vectors<n>::Float value;
          read<n>(row, value);
          if constexpr (before) {
            clamp_value(value);
          }
          value = value * factor + addend;
          if constexpr (after) {
            clamp_value(value);
          }
          write<n>(value, row);
        }
      });
}

} // namespace

CORDLESION_VECTORISED
void load(const std::uint16_t* source, std::size_t stride, PixelRows target) {
  load_any(source, stride, target);
}

CORDLESION_VECTORISED
void load(const float* source, std::size_t stride, PixelRows target) {
  load_any(source, stride, target);
}

CORDLESION_VECTORISED
void add(const std::uint16_t* source, std::size_t stride, PixelRows rows) {
  add_any(source, stride, rows);
}

CORDLESION_VECTORISED
void add(const float* source, std::size_t stride, PixelRows rows) {
  add_any(source, stride, rows);
}

CORDLESION_VECTORISED
void store(PixelRows source, std::uint16_t* target, std::size_t stride) {
  store_any(source, target, stride);
}

CORDLESION_VECTORISED
void store(PixelRows source, float* target, std::size_t stride) {
  store_any(source, target, stride);
}

CORDLESION_VECTORISED
void scale_and_shift(PixelRows rows, const float* scale, const float* shift, Clamp clamp) {
  if (clamp.before && clamp.after) {
    scale_any<true, true>(rows, scale, shift);
  } else if (clamp.before) {
    scale_any<true, false>(rows, scale, shift);
  } else if (clamp.after) {
    scale_any<false, true>(rows, scale, shift);
  } else {
    scale_any<false, false>(rows, scale, shift);
  }
}

CORDLESION_VECTORISED
void clamp_negative(PixelRows rows) {
  for_lanes(
      rows.lanes, [=]<std::size_t n>(std::size_t lane) __attribute__((always_inline)) {
        for (std::size_t pixel = 0; pixel < rows.pixels; ++pixel) {
          float* row = rows.values + pixel * rows.stride + lane;
          typename Vectors<n>::Float value;
          read<n>(row, value);
          clamp_value(value);
          write<n>(value, row);
        }
      });
}

} // namespace cordlesion::inference
