// What each channel role puts before a classifier.
#include "cordlesion/inference/channels.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace cordlesion::inference {
namespace {

const NetworkStack<float> images{2, 2, {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F, 0.7F, 0.8F}};
const NetworkStack<std::uint8_t> masks{2, 2, {1, 1, 1, 1, 0, 1, 255, 0}};

std::vector<float> channel(ChannelRole role) {
  std::vector<float> pixels(4, -1.0F);
  fill_channel(role, images, masks, 1, pixels.data());
  return pixels;
}

TEST(Channels, HoldWhatTheirRoleSays) {
  EXPECT_EQ(channel(ChannelRole::t2), (std::vector<float>{0.5F, 0.6F, 0.7F, 0.8F}));
  EXPECT_EQ(channel(ChannelRole::mask), (std::vector<float>{0, 1, 1, 0}));
  EXPECT_EQ(channel(ChannelRole::t2_in_mask), (std::vector<float>{0, 0.6F, 0.7F, 0}));
  EXPECT_EQ(channel(ChannelRole::zero), (std::vector<float>{0, 0, 0, 0}));
}

TEST(Channels, NearTheMaskIsWithinSixteenRowsAndColumns) {
  const std::size_t size = 64;
  NetworkStack<float> image{1, size, std::vector<float>(size * size)};
  NetworkStack<std::uint8_t> mask{1, size, std::vector<std::uint8_t>(size * size, 0)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<float>(i + 1);
  }
  mask.pixels[5 * size + 30] = 1; // its square is cut off above
  mask.pixels[40 * size + 50] = 1;
  std::vector<float> pixels(size * size);
  fill_channel(ChannelRole::t2_near_mask, image, mask, 0, pixels.data());
  const auto apart = [](std::size_t a, std::size_t b) { return a > b ? a - b : b - a; };
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t row = i / size;
    const std::size_t column = i % size;
    const bool near = (apart(row, 5) <= 16 && apart(column, 30) <= 16) ||
                      (apart(row, 40) <= 16 && apart(column, 50) <= 16);
    EXPECT_EQ(pixels[i], near ? image.pixels[i] : 0.0F) << row << ' ' << column;
  }
}

TEST(Channels, T1RolesAreKnownButNotServed) {
  for (const auto role : {ChannelRole::t1c, ChannelRole::t1c_in_mask}) {
    EXPECT_FALSE(is_served(role));
    EXPECT_THROW(channel(role), std::invalid_argument);
  }
}

TEST(Channels, NamesAndRolesCorrespond) {
  for (const auto role :
       {ChannelRole::t2, ChannelRole::t2_in_mask, ChannelRole::t2_near_mask, ChannelRole::t1c,
        ChannelRole::t1c_in_mask, ChannelRole::mask, ChannelRole::zero}) {
    EXPECT_EQ(channel_role_from_string(to_string(role)), role);
  }
  EXPECT_EQ(channel_role_from_string("T2"), std::nullopt);
}

} // namespace
} // namespace cordlesion::inference
