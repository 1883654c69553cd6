// What is computed pixel by pixel between two convolutions, evaluated for a few pixels at a time so
// that nothing but the final values goes through memory.
#pragma once

#include "layer_graph.hpp"
#include "pixel_kernels.hpp"

#include <array>
#include <cstddef>
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
  std::byte* data = nullptr; ///< set before anything is evaluated

  std::size_t bytes() const { return rows * columns * lanes * (bf16 ? 2 : 4); }
};

/// A layer that is computed pixel by pixel; LayerKind::input stands for an image in memory.
struct PixelExpression {
  LayerKind operation = LayerKind::input;
  std::vector<std::shared_ptr<const PixelExpression>> inputs{};
  std::shared_ptr<PixelImage> image{}; ///< of input, and of shuffle, whose pixels it groups by four
  std::size_t channels = 0;
  std::size_t lanes = 0;      ///< that are written for a pixel; those beyond the channels are 0
  std::vector<float> scale{}; ///< of affine, one for each lane
  std::vector<float> shift{};
};

/// A stretch of one row of the result.
struct PixelStretch {
  std::size_t row = 0;
  std::size_t first = 0;
  std::size_t count = 0;
};

/// Evaluates `expression` for all pixels of `target`, which has its lanes, on all threads.
void evaluate_into(const PixelExpression& expression, PixelImage& target);

} // namespace cordlesion::inference
