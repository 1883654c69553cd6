#include "cordlesion/core/error.hpp"
#include "cordlesion/core/preprocess.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace cordlesion {
namespace {

template <typename T>
SliceStack<T> stack_of(std::size_t slices, std::size_t rows, std::size_t columns,
                       std::vector<T> pixels) {
  return {.slices = slices,
          .rows = rows,
          .columns = columns,
          .slice_spacing_mm = 4,
          .row_spacing_mm = 1,
          .column_spacing_mm = 1,
          .pixels = std::move(pixels)};
}

TEST(Normalise, MapsTheVolumeToZeroAndOne) {
  auto stack = stack_of<float>(1, 2, 2, {1, 2, 3, 4});
  normalise(stack, {});
  EXPECT_FLOAT_EQ(stack.pixels[0], 0);
  EXPECT_FLOAT_EQ(stack.pixels[1], 1.0F / 3);
  EXPECT_FLOAT_EQ(stack.pixels[3], 1);
}

TEST(Normalise, ClipsAtFiveStandardDeviations) {
  // 99 zeros and a one: mean 0.01, sd sqrt(0.0099), z of the one 9.95 -> clipped to 5;
  // z of a zero is -0.1005. A value half-way between in z would be lost without the clip.
  std::vector<float> pixels(100, 0);
  pixels[99] = 1;
  auto stack = stack_of<float>(1, 10, 10, pixels);
  normalise(stack, {});
  EXPECT_FLOAT_EQ(stack.pixels[99], 1);
  std::vector<float> brighter(1000, 0);
  brighter[998] = 1; // z = 12.9
  brighter[999] = 2; // z = 27.3: both clipped to the same value
  auto clipped = stack_of<float>(1, 10, 100, brighter);
  normalise(clipped, {});
  EXPECT_FLOAT_EQ(clipped.pixels[998], 1);
  EXPECT_FLOAT_EQ(clipped.pixels[999], 1);
}

TEST(Normalise, DoesNotDependOnScaleAndOffset) {
  auto first = stack_of<float>(1, 2, 3, {1, 5, 2, 8, 4, 4});
  auto second = first;
  for (float& value : second.pixels) {
    value = value * 100 - 3000;
  }
  normalise(first, {});
  normalise(second, {});
  for (std::size_t i = 0; i < first.pixels.size(); ++i) {
    EXPECT_NEAR(first.pixels[i], second.pixels[i], 1e-6);
  }
}

TEST(Normalise, RefusesAConstantVolume) {
  auto stack = stack_of<float>(1, 2, 2, {7, 7, 7, 7});
  try {
    normalise(stack, {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "constant_image");
    EXPECT_EQ(error.stage(), Stage::prepare);
  }
}

TEST(NetworkFrame, LetterboxKeepsTheAspectInMillimetres) {
  auto stack = stack_of<float>(1, 400, 200, std::vector<float>(80000));
  stack.row_spacing_mm = 0.5;
  stack.column_spacing_mm = 0.5;
  const NetworkFrame frame = network_frame(stack, 256, Fit::letterbox);
  EXPECT_EQ(frame.height, 256U);
  EXPECT_EQ(frame.width, 128U);
  EXPECT_EQ(frame.top, 0U);
  EXPECT_EQ(frame.left, 64U);
  stack.column_spacing_mm = 1.5; // now 300 mm wide, 200 mm high
  const NetworkFrame wide = network_frame(stack, 256, Fit::letterbox);
  EXPECT_EQ(wide.width, 256U);
  EXPECT_EQ(wide.height, 171U); // 256 * 200 / 300 = 170.67
  EXPECT_EQ(wide.top, 42U);
}

TEST(NetworkFrame, StretchFillsTheSquare) {
  const auto stack = stack_of<float>(1, 40, 20, std::vector<float>(800));
  const NetworkFrame frame = network_frame(stack, 64, Fit::stretch);
  EXPECT_EQ(frame.height, 64U);
  EXPECT_EQ(frame.width, 64U);
}

TEST(FitImage, HalvingAveragesPairs) {
  const auto stack = stack_of<float>(1, 2, 4, {0, 2, 4, 6, 0, 2, 4, 6});
  const NetworkFrame frame{.size = 2, .top = 0, .left = 0, .height = 1, .width = 2};
  const NetworkStack<float> network = fit_image(stack, frame);
  EXPECT_EQ(network.pixels, (std::vector<float>{1, 5, 0, 0}));
}

TEST(FitImage, DoublingInterpolatesAtPixelCentresAndReplicatesEdges) {
  const auto stack = stack_of<float>(1, 1, 2, {0, 4});
  const NetworkFrame frame{.size = 4, .top = 1, .left = 0, .height = 1, .width = 4};
  const NetworkStack<float> network = fit_image(stack, frame);
  // Centres at source -0.25, 0.25, 0.75, 1.25.
  const std::vector<float> row(network.pixels.begin() + 4, network.pixels.begin() + 8);
  EXPECT_EQ(row, (std::vector<float>{0, 1, 3, 4}));
}

TEST(FitMask, TakesTheNearestPixelCentre) {
  const auto stack = stack_of<std::uint8_t>(1, 1, 3, {0, 1, 0});
  const NetworkFrame frame{.size = 6, .top = 0, .left = 0, .height = 6, .width = 6};
  const NetworkStack<std::uint8_t> network = fit_mask(stack, frame);
  const std::vector<std::uint8_t> row(network.pixels.begin(), network.pixels.begin() + 6);
  EXPECT_EQ(row, (std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0}));
}

TEST(UnfitProbability, IgnoresThePaddingAroundTheFrame) {
  const auto like = stack_of<float>(1, 2, 2, std::vector<float>(4));
  NetworkStack<float> network{.slices = 1, .size = 4, .pixels = std::vector<float>(16, 0.9F)};
  const NetworkFrame frame{.size = 4, .top = 0, .left = 1, .height = 4, .width = 2};
  for (std::size_t r = 0; r < 4; ++r) {
    network.pixels[r * 4 + 1] = 0.25F;
    network.pixels[r * 4 + 2] = 0.5F;
  }
  const SliceStack<float> probability = unfit_probability(network, frame, like);
  EXPECT_EQ(probability.pixels, (std::vector<float>{0.25F, 0.5F, 0.25F, 0.5F}));
}

TEST(UnfitProbability, IsTheIdentityWhereNothingIsResized) {
  std::vector<float> pixels(64);
  std::iota(pixels.begin(), pixels.end(), 0.0F);
  const auto stack = stack_of<float>(1, 8, 8, pixels);
  const NetworkFrame frame = network_frame(stack, 8, Fit::letterbox);
  EXPECT_EQ(unfit_probability(fit_image(stack, frame), frame, stack).pixels, pixels);
}

} // namespace
} // namespace cordlesion
