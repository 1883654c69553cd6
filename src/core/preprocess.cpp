// Normalisation and the two-way mapping between canonical slices and the network's square.
#include "cordlesion/core/preprocess.hpp"

#include "cordlesion/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace cordlesion {
namespace {

/// Which two source samples an output sample blends, and how much of the second.
struct Blend {
  std::size_t first = 0;
  std::size_t second = 0;
  float weight = 0;
};

std::vector<Blend> blends(std::size_t source, std::size_t target) {
  std::vector<Blend> result(target);
  const double scale = static_cast<double>(source) / static_cast<double>(target);
  const auto last = static_cast<double>(source - 1);
  for (std::size_t i = 0; i < target; ++i) {
    const double position = std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0, last);
    const auto first = static_cast<std::size_t>(position);
    result[i] = {first, std::min(first + 1, source - 1),
                 static_cast<float>(position - static_cast<double>(first))};
  }
  return result;
}

void bilinear(const float* source, std::size_t stride, const std::vector<Blend>& row_blends,
              const std::vector<Blend>& column_blends, float* target, std::size_t out_stride) {
  for (std::size_t i = 0; i < row_blends.size(); ++i) {
    const Blend& row = row_blends[i];
    const float* upper = source + row.first * stride;
    const float* lower = source + row.second * stride;
    for (std::size_t j = 0; j < column_blends.size(); ++j) {
      const Blend& column = column_blends[j];
      const float top =
          upper[column.first] + column.weight * (upper[column.second] - upper[column.first]);
      const float bottom =
          lower[column.first] + column.weight * (lower[column.second] - lower[column.first]);
      target[i * out_stride + j] = top + row.weight * (bottom - top);
    }
  }
}

/// Output index i of `target` samples takes this one of `source`.
std::size_t nearest(std::size_t i, std::size_t source, std::size_t target) {
  const double position =
      (static_cast<double>(i) + 0.5) * static_cast<double>(source) / static_cast<double>(target);
  return std::min(static_cast<std::size_t>(position), source - 1);
}

std::size_t fitted_length(double length_mm, double pixel_mm, std::size_t size) {
  const double pixels = std::floor(length_mm / pixel_mm + 0.5);
  return static_cast<std::size_t>(std::clamp(pixels, 1.0, static_cast<double>(size)));
}

} // namespace

void normalise(SliceStack<float>& stack, const Normalisation& normalisation) {
  double sum = 0;
  for (float value : stack.pixels) {
    sum += value;
  }
  const auto count = static_cast<double>(stack.pixels.size());
  const double mean = sum / count;
  double squares = 0;
  for (float value : stack.pixels) {
    squares += (value - mean) * (value - mean);
  }
  const double sd = std::sqrt(squares / count);
  if (!std::isfinite(sd) || sd <= 0) {
    throw case_error(
        Stage::prepare, "constant_image",
        "the image has a standard deviation of " + std::to_string(sd) +
            "; a positive, finite one is needed",
        "Look at the image: it is empty, constant or holds values that are no numbers.");
  }
  const auto clipped = [&](float value) {
    return std::clamp((value - mean) / sd, -normalisation.clip_sd, normalisation.clip_sd);
  };
  const auto [low, high] = std::minmax_element(stack.pixels.begin(), stack.pixels.end());
  const double lowest = clipped(*low);
  const double range = clipped(*high) - lowest;
  for (float& value : stack.pixels) {
    value = static_cast<float>((clipped(value) - lowest) / range);
  }
}

template <typename T>
NetworkFrame network_frame(const SliceStack<T>& stack, std::size_t network_size, Fit fit) {
  NetworkFrame frame{.size = network_size, .height = network_size, .width = network_size};
  if (fit == Fit::letterbox) {
    const double height_mm = static_cast<double>(stack.rows) * stack.row_spacing_mm;
    const double width_mm = static_cast<double>(stack.columns) * stack.column_spacing_mm;
    const double pixel_mm = std::max(height_mm, width_mm) / static_cast<double>(network_size);
    frame.height = fitted_length(height_mm, pixel_mm, network_size);
    frame.width = fitted_length(width_mm, pixel_mm, network_size);
  }
  frame.top = (network_size - frame.height) / 2;
  frame.left = (network_size - frame.width) / 2;
  return frame;
}
template NetworkFrame network_frame(const SliceStack<float>&, std::size_t, Fit);
template NetworkFrame network_frame(const SliceStack<std::uint8_t>&, std::size_t, Fit);

NetworkStack<float> fit_image(const SliceStack<float>& stack, const NetworkFrame& frame) {
  NetworkStack<float> network{.slices = stack.slices,
                              .size = frame.size,
                              .pixels =
                                  std::vector<float>(stack.slices * frame.size * frame.size, 0.0F)};
  const auto rows = blends(stack.rows, frame.height);
  const auto columns = blends(stack.columns, frame.width);
  for (std::size_t s = 0; s < stack.slices; ++s) {
    bilinear(stack.slice(s), stack.columns, rows, columns,
             network.slice(s) + frame.top * frame.size + frame.left, frame.size);
  }
  return network;
}

NetworkStack<std::uint8_t> fit_mask(const SliceStack<std::uint8_t>& stack,
                                    const NetworkFrame& frame) {
  NetworkStack<std::uint8_t> network{
      .slices = stack.slices,
      .size = frame.size,
      .pixels = std::vector<std::uint8_t>(stack.slices * frame.size * frame.size, 0)};
  for (std::size_t s = 0; s < stack.slices; ++s) {
    std::uint8_t* target = network.slice(s) + frame.top * frame.size + frame.left;
    for (std::size_t i = 0; i < frame.height; ++i) {
      const std::uint8_t* row =
          stack.slice(s) + nearest(i, stack.rows, frame.height) * stack.columns;
      for (std::size_t j = 0; j < frame.width; ++j) {
        target[i * frame.size + j] = row[nearest(j, stack.columns, frame.width)];
      }
    }
  }
  return network;
}

SliceStack<float> unfit_probability(const NetworkStack<float>& network, const NetworkFrame& frame,
                                    const SliceStack<float>& like) {
  SliceStack<float> probability{.slices = like.slices,
                                .rows = like.rows,
                                .columns = like.columns,
                                .slice_spacing_mm = like.slice_spacing_mm,
                                .row_spacing_mm = like.row_spacing_mm,
                                .column_spacing_mm = like.column_spacing_mm,
                                .pixels = std::vector<float>(like.pixels.size())};
  const auto rows = blends(frame.height, like.rows);
  const auto columns = blends(frame.width, like.columns);
  for (std::size_t s = 0; s < like.slices; ++s) {
    bilinear(network.slice(s) + frame.top * frame.size + frame.left, frame.size, rows, columns,
             probability.slice(s), like.columns);
  }
  return probability;
}

} // namespace cordlesion
