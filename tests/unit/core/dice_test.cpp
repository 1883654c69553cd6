#include "cordlesion/core/dice.hpp"

#include <gtest/gtest.h>

namespace cordlesion {
namespace {

Image mask(std::vector<float> voxels) {
  return {Grid{.size = {voxels.size(), 1, 1}}, voxels};
}

TEST(Dice, IsTwiceTheCommonVoxelsOverTheSum) {
  EXPECT_DOUBLE_EQ(dice_coefficient(mask({1, 1, 0, 0}), mask({1, 0, 1, 0})), 0.5);
  EXPECT_DOUBLE_EQ(dice_coefficient(mask({1, 1, 1, 0}), mask({1, 0, 0, 0})), 0.5);
  EXPECT_DOUBLE_EQ(dice_coefficient(mask({1, 0}), mask({0, 1})), 0);
}

TEST(Dice, TakesEveryValueAboveZeroAsLesion) {
  EXPECT_DOUBLE_EQ(dice_coefficient(mask({0.2F, 0, -1}), mask({7, 0, 0})), 1);
}

TEST(Dice, IsOneForTwoEmptyMasksAndZeroIfOneIsEmpty) {
  EXPECT_DOUBLE_EQ(dice_coefficient(mask({0, 0}), mask({0, 0})), 1);
  EXPECT_DOUBLE_EQ(dice_coefficient(mask({0, 0}), mask({0, 1})), 0);
}

TEST(Dice, RefusesMasksOfDifferentSizes) {
  EXPECT_THROW(dice_coefficient(mask({0, 0}), mask({0})), std::invalid_argument);
}

} // namespace
} // namespace cordlesion
