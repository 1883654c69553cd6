// The golden input of a package with the outputs that its exporter saw.
#pragma once

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/core/preprocess.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

namespace cordlesion::inference {

struct Golden {
  NetworkStack<float> image;                 ///< one slice
  NetworkStack<std::uint8_t> mask;           ///< one slice, 0 or 1
  std::vector<float> segmenter;              ///< expected probabilities
  std::map<Node, std::vector<float>> logits; ///< two expected logits per classifier
};

/// Reads the buffers of a golden file. Throws a models error `golden_invalid` that names the buffer
/// which is missing or has another shape.
Golden load_golden(const std::filesystem::path& path, std::size_t input_size);

/// Largest absolute difference of two lists of one length.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b);

} // namespace cordlesion::inference
