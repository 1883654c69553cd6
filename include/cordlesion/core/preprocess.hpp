// From canonical slices to network inputs and back; models/README.md states the same in formulas.
#pragma once

#include "cordlesion/core/slice_stack.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordlesion {

/// Intensity normalisation over the whole volume (Zhuo et al. 2022): subtract the mean, divide by
/// the standard deviation, clip to +-clip_sd, then map the smallest value to 0 and the largest
/// to 1.
struct Normalisation {
  double clip_sd = 5.0;
};

/// How a slice is brought to the network's square.
enum class Fit {
  letterbox, ///< one pixel size in mm for both axes, centred, the rest filled with 0
  stretch,   ///< each axis on its own, as in the paper
};

/// Where a slice of rows x columns lies inside the network's square.
struct NetworkFrame {
  std::size_t size = 256; ///< edge of the square in pixels
  std::size_t top = 0;
  std::size_t left = 0;
  std::size_t height = 256;
  std::size_t width = 256;
};

/// A batch of one-channel network images, memory order [slice][row][column], size x size each.
template <typename T> struct NetworkStack {
  std::size_t slices = 0;
  std::size_t size = 256;
  std::vector<T> pixels;

  std::size_t slice_size() const { return size * size; }
  const T* slice(std::size_t index) const { return pixels.data() + index * slice_size(); }
  T* slice(std::size_t index) { return pixels.data() + index * slice_size(); }
};

/// Normalises in place, sums in double precision. Throws a case error (stage prepare) if the volume
/// is constant or holds a value that is not finite.
void normalise(SliceStack<float>& stack, const Normalisation& normalisation);

template <typename T>
NetworkFrame network_frame(const SliceStack<T>& stack, std::size_t network_size, Fit fit);

/// Bilinear, pixel centres aligned, edges replicated, no smoothing before reduction.
NetworkStack<float> fit_image(const SliceStack<float>& stack, const NetworkFrame& frame);
/// Nearest neighbour at pixel centres.
NetworkStack<std::uint8_t> fit_mask(const SliceStack<std::uint8_t>& stack,
                                    const NetworkFrame& frame);
/// Network probabilities back on the pixels of `like`: bilinear inside the frame, edges replicated.
SliceStack<float> unfit_probability(const NetworkStack<float>& network, const NetworkFrame& frame,
                                    const SliceStack<float>& like);

} // namespace cordlesion
