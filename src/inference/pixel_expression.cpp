// Evaluation of what lies between two convolutions.
#include "pixel_expression.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace cordlesion::inference {
namespace {

/// What a thread works on stays in its first-level cache.
constexpr std::size_t stretch_bytes = 16 << 10;

/// Lanes behind those of a row that may be overwritten when channels are joined.
constexpr std::size_t lane_slack = 16;

/// Evaluates a stretch into rows of fp32, whose lanes are set to those of the expression.
void evaluate(const PixelExpression& expression, const PixelStretch& stretch, PixelRows target);

/// Calls `use` with the numbers of an image from `offset` on, in their own type.
template <typename Use>
void with_numbers(const PixelImage& image, std::size_t offset, const Use& use) {
  if (image.bf16) {
    use(reinterpret_cast<std::uint16_t*>(image.data) + offset);
  } else {
    use(reinterpret_cast<float*>(image.data) + offset);
  }
}

void load_shuffled(const PixelExpression& expression, const PixelStretch& stretch,
                   PixelRows target) {
  const PixelImage& image = *expression.image;
  for (std::size_t i = 0; i < stretch.count; ++i) {
    const std::size_t column = stretch.first + i;
    const std::size_t group = stretch.row % 2 * 2 + column % 2;
    const std::size_t pixel = stretch.row / 2 * image.columns + column / 2;
    PixelRows one{target.values + i * target.stride, 1, target.lanes, target.stride};
    with_numbers(image, pixel * image.lanes + group * expression.channels,
                 [&](const auto* source) { load(source, image.lanes, one); });
    std::fill(one.values + expression.channels, one.values + one.lanes, 0.0F);
  }
}

/// Each part may overwrite the lanes behind its own, where the next one then writes.
void evaluate_concat(const PixelExpression& expression, const PixelStretch& stretch,
                     PixelRows target) {
  std::size_t offset = 0;
  for (const auto& part : expression.inputs) {
    PixelRows rows = target;
    rows.values += offset;
    evaluate(*part, stretch, rows);
    offset += part->channels;
  }
  for (std::size_t pixel = 0; pixel < target.pixels; ++pixel) {
    float* row = target.values + pixel * target.stride;
    std::fill(row + offset, row + target.lanes, 0.0F);
  }
}

std::size_t offset_of(const PixelImage& image, const PixelStretch& stretch) {
  return (stretch.row * image.columns + stretch.first) * image.lanes;
}

void evaluate_add(const PixelExpression& expression, const PixelStretch& stretch,
                  PixelRows target) {
  evaluate(*expression.inputs[0], stretch, target);
  const PixelExpression& other = *expression.inputs[1];
  if (other.operation == LayerKind::input && other.image->lanes == target.lanes) {
    return with_numbers(*other.image, offset_of(*other.image, stretch),
                        [&](const auto* source) { add(source, target.lanes, target); });
  }
  const std::size_t stride = target.lanes + lane_slack;
  std::vector<float> values(target.pixels * stride);
  evaluate(other, stretch, {values.data(), target.pixels, target.lanes, stride});
  add(values.data(), stride, target);
}

/// A scale with the ReLU before it, if there is one.
void evaluate_affine(const PixelExpression& expression, const PixelStretch& stretch,
                     PixelRows target, bool clamp_after) {
  const PixelExpression& input = *expression.inputs[0];
  const bool clamp_before = input.operation == LayerKind::relu;
  evaluate(clamp_before ? *input.inputs[0] : input, stretch, target);
  scale_and_shift(target, expression.scale.data(), expression.shift.data(),
                  {clamp_before, clamp_after});
}

void apply_sigmoid(PixelRows rows, std::size_t channels) {
  for (std::size_t pixel = 0; pixel < rows.pixels; ++pixel) {
    float* row = rows.values + pixel * rows.stride;
    std::transform(row, row + channels, row, [](float x) { return 1.0F / (1.0F + std::exp(-x)); });
  }
}

void load_image(const PixelExpression& expression, const PixelStretch& stretch, PixelRows target) {
  const PixelImage& image = *expression.image;
  const std::size_t filled = target.lanes;
  target.lanes = image.lanes;
  with_numbers(image, offset_of(image, stretch),
               [&](const auto* source) { load(source, image.lanes, target); });
  for (std::size_t pixel = 0; image.lanes < filled && pixel < target.pixels; ++pixel) {
    float* row = target.values + pixel * target.stride;
    std::fill(row + image.lanes, row + filled, 0.0F);
  }
}

void evaluate(const PixelExpression& expression, const PixelStretch& stretch, PixelRows target) {
  target.lanes = expression.lanes;
  switch (expression.operation) {
  case LayerKind::input:
    return load_image(expression, stretch, target);
  case LayerKind::shuffle:
    return load_shuffled(expression, stretch, target);
  case LayerKind::concat:
    return evaluate_concat(expression, stretch, target);
  case LayerKind::add:
    return evaluate_add(expression, stretch, target);
  case LayerKind::affine:
    return evaluate_affine(expression, stretch, target, false);
  case LayerKind::relu:
    if (expression.inputs[0]->operation == LayerKind::affine) {
      return evaluate_affine(*expression.inputs[0], stretch, target, true);
    }
    evaluate(*expression.inputs[0], stretch, target);
    return clamp_negative(target);
  case LayerKind::sigmoid:
    evaluate(*expression.inputs[0], stretch, target);
    return apply_sigmoid(target, expression.channels);
  default:
    throw std::invalid_argument("a layer that is not pixel by pixel");
  }
}

} // namespace

void evaluate_into(const PixelExpression& expression, PixelImage& target) {
  const std::size_t stride = target.lanes + lane_slack;
  const std::size_t count =
      std::clamp<std::size_t>(stretch_bytes / (stride * sizeof(float)), 1, target.columns);
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(count * stride);
    for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
      for (std::size_t first = 0; first < target.columns; first += count) {
        const PixelStretch stretch{row, first, std::min(count, target.columns - first)};
        const PixelRows results{values.data(), stretch.count, target.lanes, stride};
        evaluate(expression, stretch, results);
        with_numbers(target, offset_of(target, stretch),
                     [&](auto* numbers) { store(results, numbers, target.lanes); });
      }
    }
  };
  at::parallel_for(0, static_cast<std::int64_t>(target.rows), 1, rows);
}

} // namespace cordlesion::inference
