// What is computed pixel by pixel between convolutions, against plain loops.
#include "../../../src/inference/pixel_value.hpp"

#include <c10/util/BFloat16.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace cordlesion::inference {
namespace {

/// Steps of 64 lanes that do nothing unless told.
struct Steps {
  std::array<std::vector<float>, 2> scale{std::vector<float>(64, 1.0F),
                                          std::vector<float>(64, 1.0F)};
  std::array<std::vector<float>, 2> shift{std::vector<float>(64), std::vector<float>(64)};
  std::array<float, 2> floor{-std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity()};

  ChannelSteps view() const {
    return {{{scale[0].data(), shift[0].data(), floor[0]},
             {scale[1].data(), shift[1].data(), floor[1]}}};
  }
};

Bf16 bits_of(float value) {
  return c10::BFloat16(value).x;
}

float number_of(Bf16 bits) {
  return c10::BFloat16(bits, c10::BFloat16::from_bits());
}
float number_of(float number) {
  return number;
}

const float infinity = std::numeric_limits<float>::infinity();

/// 63 numbers, done sixteen at a time, then eight, four, two and one.
std::vector<float> numbers_to_round() {
  std::vector<float> values{1.0F,         1.00390625F,   1.01171875F,
                            -1.00390625F, 3.3895314e38F, infinity,
                            -infinity,    0.1F,          std::numeric_limits<float>::quiet_NaN()};
  for (int i = 0; values.size() < 63; ++i) {
    values.push_back(static_cast<float>(i) * 0.37F - 3.0F);
  }
  return values;
}

void expect_bits(const std::vector<Bf16>& found, const std::vector<float>& exact) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(exact[i])) {
      EXPECT_TRUE(std::isnan(number_of(found[i]))) << i;
    } else {
      EXPECT_EQ(number_of(found[i]), number_of(bits_of(exact[i]))) << exact[i];
    }
  }
}

TEST(PixelKernels, RoundToBfloat16AsLibTorchDoes) {
  const std::vector<float> values = numbers_to_round();
  const std::vector<float> zeros(values.size());
  std::vector<Bf16> found(values.size());
  combine(PixelRun<float, Bf16>{.source = values.data(),
                                .added = zeros.data(),
                                .target = found.data(),
                                .pixels = 1,
                                .lanes = values.size()},
          Steps().view());
  expect_bits(found, values);
}

TEST(PixelKernels, RoundSumsOfBfloat16AsLibTorchDoes) {
  const float largest = 3.3895314e38F;
  const std::vector<std::array<float, 2>> pairs{
      {1.0F, 0.00390625F},       // a tie, to the even number below
      {1.0078125F, 0.00390625F}, // a tie, to the even number above
      {-1.0F, -0.00390625F},     {1.0F, 0.005F},   {3.0F, 0.1F},
      {largest, largest},        {infinity, 1.0F}, {-infinity, 1.0F},
      {infinity, -infinity},     {100.0F, 0.37F},  {-0.125F, 0.00011F},
  };
  std::vector<Bf16> source(63);
  std::vector<Bf16> added(63);
  std::vector<float> exact(63);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    source[i] = bits_of(pairs[i % pairs.size()][0]);
    added[i] = bits_of(pairs[i % pairs.size()][1]);
    exact[i] = number_of(source[i]) + number_of(added[i]);
  }
  std::vector<Bf16> found(exact.size());
  combine(PixelRun<Bf16, Bf16>{.source = source.data(),
                               .added = added.data(),
                               .target = found.data(),
                               .pixels = 1,
                               .lanes = found.size()},
          Steps().view());
  expect_bits(found, exact);
}

/// Random numbers through both steps, against the same in plain loops.
template <typename Source, typename Target> void expect_formula(std::size_t lanes, bool in_place) {
  std::mt19937 random(static_cast<unsigned>(lanes));
  std::normal_distribution<float> normal;
  const std::size_t pixels = 37; // more than are done at once
  const std::size_t stride = lanes + 3;
  const auto images = [&]<typename T>(T) {
    std::vector<T> image(pixels * stride);
    for (T& number : image) {
      number = std::is_same_v<T, Bf16> ? static_cast<T>(bits_of(normal(random)))
                                       : static_cast<T>(normal(random));
    }
    return image;
  };
  const auto source = images(Source{});
  const auto added = images(Source{});
  auto target = images(Target{});
  if constexpr (std::is_same_v<Source, Target>) {
    if (in_place) {
      target = added;
    }
  }
  const auto before = target;
  Steps steps;
  steps.floor = {0.0F, 0.1F};
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    steps.scale[0][lane] = normal(random);
    steps.shift[0][lane] = normal(random);
    steps.scale[1][lane] = normal(random);
    steps.shift[1][lane] = normal(random);
  }
  PixelRun<Source, Target> run{.source = source.data(),
                               .source_stride = stride,
                               .added = added.data(),
                               .added_stride = stride,
                               .target = target.data(),
                               .target_stride = stride,
                               .pixels = pixels,
                               .lanes = lanes};
  if constexpr (std::is_same_v<Source, Target>) {
    run.added = in_place ? target.data() : run.added;
  }
  combine(run, steps.view());
  for (std::size_t i = 0; i < target.size(); ++i) {
    const std::size_t lane = i % stride;
    if (lane >= lanes) {
      EXPECT_EQ(number_of(target[i]), number_of(before[i])) << "beside the lanes, at " << i;
      continue;
    }
    const float first = std::max(0.0F, number_of(source[i]) * steps.scale[0][lane] +
                                           steps.shift[0][lane] + number_of(added[i]));
    const float expected = std::max(0.1F, first * steps.scale[1][lane] + steps.shift[1][lane]);
    const float tolerance = std::is_same_v<Target, Bf16> ? 0.004F : 1e-5F;
    EXPECT_NEAR(number_of(target[i]), expected, tolerance * (1 + std::abs(expected)))
        << "lanes " << lanes << ", at " << i;
  }
}

TEST(PixelKernels, ComputeTheFormulaForAnyNumberOfLanes) {
  for (std::size_t lanes = 1; lanes <= 50; ++lanes) {
    expect_formula<float, float>(lanes, false);
    expect_formula<float, float>(lanes, true);
    expect_formula<float, Bf16>(lanes, false);
    expect_formula<Bf16, float>(lanes, false);
    expect_formula<Bf16, Bf16>(lanes, false);
    expect_formula<Bf16, Bf16>(lanes, true);
  }
}

TEST(PixelKernels, KeepNaNBehindAFloor) {
  const std::vector<float> values{-2.0F, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> zeros(2);
  std::vector<float> found(2);
  Steps steps;
  steps.floor = {0.0F, 0.0F};
  combine(PixelRun<float, float>{.source = values.data(),
                                 .added = zeros.data(),
                                 .target = found.data(),
                                 .pixels = 1,
                                 .lanes = 2},
          steps.view());
  EXPECT_EQ(found[0], 0.0F);
  EXPECT_TRUE(std::isnan(found[1]));
}

/// An image of random channels with 0 in the lanes that fill it up, and its memory.
struct OwnedImage {
  std::shared_ptr<PixelImage> image;
  std::vector<float> numbers;

  OwnedImage(std::size_t rows, std::size_t columns, std::size_t channels, std::size_t lanes,
             float value)
      : image(std::make_shared<PixelImage>(PixelImage{rows, columns, channels, lanes, false})),
        numbers(rows * columns * lanes + 16, value) {
    image->data = reinterpret_cast<std::byte*>(numbers.data());
  }

  static OwnedImage random(std::size_t rows, std::size_t columns, std::size_t channels,
                           std::size_t lanes) {
    static std::mt19937 generator(5);
    std::normal_distribution<float> normal;
    OwnedImage owned(rows, columns, channels, lanes, 0.0F);
    for (std::size_t i = 0; i < rows * columns * lanes; ++i) {
      owned.numbers[i] = i % lanes < channels ? normal(generator) : 0.0F;
    }
    return owned;
  }

  float at(std::size_t row, std::size_t column, std::size_t channel) const {
    return numbers[(row * image->columns + column) * image->lanes + channel];
  }
};

TEST(PixelValue, FillsUpWithZerosWhateverTheLanesOfItsImages) {
  for (const std::size_t lanes : {3, 8, 16}) {
    const OwnedImage part = OwnedImage::random(4, 6, 3, lanes);
    for (const std::size_t added_lanes : {3, 8, 16}) {
      const OwnedImage added = OwnedImage::random(4, 6, 3, added_lanes);
      PixelValue value(part.image);
      ASSERT_TRUE(value.add(PixelValue(added.image)));
      OwnedImage target(2, 6, 3, 8, std::numeric_limits<float>::quiet_NaN());
      pass_over_pixels(value, target.image)(1);
      for (std::size_t row = 0; row < 2; ++row) {
        for (std::size_t column = 0; column < 6; ++column) {
          for (std::size_t lane = 0; lane < 8; ++lane) {
            const float expected =
                lane < 3 ? part.at(row + 1, column, lane) + added.at(row + 1, column, lane) : 0.0F;
            ASSERT_EQ(target.at(row, column, lane), expected) << lanes << ' ' << added_lanes;
          }
        }
      }
      EXPECT_TRUE(std::isnan(target.numbers[std::size_t{2} * 6 * 8])) << "behind the last pixel";
    }
  }
}

TEST(PixelValue, JoinsShuffledAndPlainChannels) {
  const OwnedImage half = OwnedImage::random(2, 3, 20, 24);
  const OwnedImage plain = OwnedImage::random(4, 6, 3, 8);
  PixelValue value(half.image);
  value.rows = 4;
  value.columns = 6;
  value.channels = 5;
  value.parts[0] = {half.image, 5, true};
  value.join(PixelValue(plain.image));
  EXPECT_EQ(value.channels, 8U);
  EXPECT_FALSE(value.image());
  OwnedImage target(2, 6, 8, 16, std::numeric_limits<float>::quiet_NaN());
  pass_over_pixels(value, target.image)(2);
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 6; ++column) {
      for (std::size_t lane = 0; lane < 16; ++lane) {
        const std::size_t group = row % 2 * 2 + column % 2;
        const float expected = lane < 5   ? half.at(1, column / 2, group * 5 + lane)
                               : lane < 8 ? plain.at(row + 2, column, lane - 5)
                                          : 0.0F;
        ASSERT_EQ(target.at(row, column, lane), expected) << row << ' ' << column << ' ' << lane;
      }
    }
  }
}

} // namespace
} // namespace cordlesion::inference
