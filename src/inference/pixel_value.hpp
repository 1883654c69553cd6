// What lies between two convolutions: values that are computed pixel by pixel from images, in one
// pass over them.
#pragma once

#include "pixel_kernels.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace cordlesion::inference {

/// An image in memory, channels innermost. `lanes` counts the channels of a pixel and those that
/// fill it up; these are 0.
struct PixelImage {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t channels = 0;
  std::size_t lanes = 0;
  bool bf16 = false;
  std::byte* data = nullptr; ///< set before anything is computed

  std::size_t bytes() const { return rows * columns * lanes * (bf16 ? 2 : 4); }
};

/// Calls `use` with the numbers of an image in their own type.
template <typename Use> void with_numbers(const PixelImage& image, const Use& use) {
  if (image.bf16) {
    use(reinterpret_cast<Bf16*>(image.data));
  } else {
    use(reinterpret_cast<float*>(image.data));
  }
}

/// Channels of a value that come from one image. A shuffled one has half the rows and columns and
/// four groups of channels, one for each of the 2 x 2 pixels that a pixel becomes.
struct PixelPart {
  std::shared_ptr<PixelImage> image;
  std::size_t channels = 0;
  bool shuffled = false;
};

/// max(floor, scale * value + shift), channel by channel.
struct PixelStep {
  std::vector<float> scale{}; ///< of the channels; empty stands for 1, and for 0 in `shift`
  std::vector<float> shift{};
  float floor = -std::numeric_limits<float>::infinity();

  bool changes() const { return !scale.empty() || floor == 0; }
};

/// The channels of all parts one behind the other, then two steps; `added` comes in before the
/// floor of the first.
struct PixelValue {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t channels = 0;
  std::vector<PixelPart> parts{};
  std::array<PixelStep, 2> steps{};
  std::shared_ptr<PixelImage> added{}; ///< of the precision of all parts
  bool may_overwrite_added = false;    ///< as nothing else reads it, the value may be put there

  explicit PixelValue(const std::shared_ptr<PixelImage>& image);

  /// The image that holds the value; none if there is something to compute.
  std::shared_ptr<PixelImage> image() const;

  /// Nothing is computed: channels of images, some of them perhaps shuffled.
  bool only_parts() const;

  /// Each is false, and the value as it was, if the operation does not fit behind those before.
  bool scale(const std::vector<float>& scale, const std::vector<float>& shift);
  bool add(const PixelValue& other);

  void clamp_negative();

  /// Appends the channels of another value; both must be only parts.
  void join(const PixelValue& other);
};

/// Computes the rows of `value` from the given one on for all of `target`, on all threads.
std::function<void(std::size_t first_row)> pass_over_pixels(PixelValue value,
                                                            std::shared_ptr<PixelImage> target);

/// 1 / (1 + exp(-x)) of the channels of an fp32 image.
void apply_sigmoid(PixelImage& image);

} // namespace cordlesion::inference
