// The golden input of a package with the outputs that its exporter saw.
#include "golden.hpp"

#include "cordlesion/core/error.hpp"
#include "network.hpp"
#include "script_module.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace cordlesion::inference {
namespace {

Error golden_error(const std::filesystem::path& path, const std::string& name,
                   const std::vector<std::int64_t>& shape, const std::string& found) {
  return models_error("golden_invalid",
                      path.string() + ": buffer `" + name + "`: expected finite values of shape " +
                          shape_text(shape) + ", found " + found,
                      "Export the package again.");
}

std::vector<float> read_buffer(const torch::jit::Module& module, const std::filesystem::path& path,
                               const std::string& name, const std::vector<std::int64_t>& shape) {
  if (!module.hasattr(name) || !module.attr(name).isTensor()) {
    throw golden_error(path, name, shape, "none");
  }
  const at::Tensor tensor = module.attr(name).toTensor().to(at::kFloat).contiguous();
  if (tensor.sizes().vec() != shape) {
    throw golden_error(path, name, shape, shape_text(tensor.sizes().vec()));
  }
  const auto* const first = tensor.data_ptr<float>();
  std::vector<float> values(first, first + tensor.numel());
  if (!std::all_of(values.begin(), values.end(),
                   [](float value) { return std::isfinite(value); })) {
    throw golden_error(path, name, shape, "NaN or infinity");
  }
  return values;
}

} // namespace

Golden load_golden(const std::filesystem::path& path, std::size_t input_size) {
  const torch::jit::Module module = load_script_module(path, c10::Device(c10::kCPU));
  const auto size = static_cast<std::int64_t>(input_size);
  const std::vector<std::int64_t> image_shape{1, 1, size, size};
  Golden golden;
  golden.image = {
      .slices = 1, .size = input_size, .pixels = read_buffer(module, path, "input", image_shape)};
  golden.mask = {.slices = 1, .size = input_size, .pixels = {}};
  for (const float value : read_buffer(module, path, "mask", image_shape)) {
    golden.mask.pixels.push_back(value != 0.0F ? 1 : 0);
  }
  golden.segmenter = read_buffer(module, path, "segmenter", image_shape);
  for (const Node node : all_nodes) {
    golden.logits[node] = read_buffer(module, path, std::string(to_string(node)), {1, 2});
  }
  return golden;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return largest;
}

} // namespace cordlesion::inference
