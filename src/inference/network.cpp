// One loaded network: a frozen TorchScript module that is known to keep the contract's shapes.
#include "network.hpp"

#include "cordlesion/core/error.hpp"
#include "device.hpp"
#include "script_module.hpp"

#include <ATen/Parallel.h>

#include <optional>
#include <sstream>

namespace cordlesion::inference {
namespace {

constexpr const char* contract_hint =
    "models/README.md states what each network takes and returns; export the package again.";

/// Freezing computes thousands of small tensors, for which waking other threads costs more than
/// they help.
class OneThread {
 public:
  OneThread() : threads_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(threads_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int threads_;
};

/// Channels last is the layout of the fast convolutions. `contiguous` would keep a one-channel
/// image as it is, so the layout is asked for by allocating it.
at::Tensor to_network_layout(const at::Tensor& images_nchw, const c10::Device& device) {
  at::Tensor input =
      at::empty(images_nchw.sizes(), at::TensorOptions().dtype(at::kFloat).device(device),
                at::MemoryFormat::ChannelsLast);
  input.copy_(images_nchw);
  return input;
}

/// Runs a method with the network's precision, without gradients.
c10::IValue run_method(Network& network, const std::string& method,
                       std::vector<c10::IValue> inputs) {
  const c10::InferenceMode inference;
  std::optional<Bf16Autocast> autocast;
  if (network.bf16) {
    autocast.emplace(network.device);
  }
  return network.module.get_method(method)(std::move(inputs));
}

Error mismatch(const Network& network, const std::string& what, const std::string& expected,
               const std::string& found) {
  return models_error("model_shape_mismatch",
                      network.path.string() + ": " + what + ": expected " + expected + ", found " +
                          found,
                      contract_hint);
}

/// A smooth pattern in [0, 1]: a constant image would hide outputs that depend on the input.
at::Tensor trial_images(std::int64_t images, std::int64_t channels, std::int64_t size) {
  const std::int64_t count = images * channels * size * size;
  return at::arange(count, at::kFloat)
      .mul(0.01)
      .sin()
      .mul(0.5)
      .add(0.5)
      .reshape({images, channels, size, size});
}

/// Runs a method on trial images, so that a wrong network is refused before any case is read.
c10::IValue try_method(Network& network, const std::string& method, const at::Tensor& images,
                       std::vector<c10::IValue> more_inputs) {
  try {
    std::vector<c10::IValue> inputs{to_network_layout(images, network.device)};
    inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
    return run_method(network, method, std::move(inputs));
  } catch (const std::exception& error) {
    throw models_error("model_does_not_run",
                       network.path.string() + ": " + method +
                           ": expected to run on an input of shape " +
                           shape_text(images.sizes().vec()) + ", found (" + reason_of(error) + ")",
                       contract_hint);
  }
}

/// A fp32 CPU tensor of `shape`, where -1 stands for any length.
at::Tensor require_tensor(const Network& network, const std::string& what, const c10::IValue& value,
                          const std::vector<std::int64_t>& shape) {
  const std::string expected = "a tensor of shape " + shape_text(shape);
  if (!value.isTensor()) {
    throw mismatch(network, what, expected, value.tagKind());
  }
  at::Tensor tensor = value.toTensor().to(at::kCPU, at::kFloat).contiguous();
  bool same = tensor.dim() == static_cast<std::int64_t>(shape.size());
  for (std::size_t axis = 0; same && axis < shape.size(); ++axis) {
    same = shape[axis] == -1 || shape[axis] == tensor.size(static_cast<std::int64_t>(axis));
  }
  if (!same) {
    throw mismatch(network, what, expected, shape_text(tensor.sizes().vec()));
  }
  if (!tensor.isfinite().all().item<bool>()) {
    throw models_error("model_output_not_finite",
                       network.path.string() + ": " + what +
                           ": expected finite values, found NaN or infinity on a trial input",
                       "The weights are damaged or do not fit half precision: export again.");
  }
  return tensor;
}

void require_probabilities(const Network& network, const at::Tensor& values) {
  const auto lowest = values.min().item<float>();
  const auto highest = values.max().item<float>();
  if (lowest < 0 || highest > 1) {
    throw models_error("model_output_out_of_range",
                       network.path.string() +
                           ": forward: expected probabilities from 0 to 1, found values from " +
                           std::to_string(lowest) + " to " + std::to_string(highest),
                       "Does the network end in a sigmoid? It must return probabilities.");
  }
}

void require_grad_cam(Network& network, const at::Tensor& images) {
  const c10::IValue result = try_method(network, "grad_cam", images, {std::int64_t{1}});
  if (!result.isTuple() || result.toTupleRef().elements().size() != 2) {
    throw mismatch(network, "grad_cam", "a tuple of logits and maps", result.tagKind());
  }
  const auto& elements = result.toTupleRef().elements();
  require_tensor(network, "grad_cam logits", elements[0], {images.size(0), 2});
  require_tensor(network, "grad_cam maps", elements[1], {images.size(0), -1, -1});
}

Network load_network(const std::filesystem::path& path, const c10::Device& device, bool bf16,
                     const std::vector<std::string>& methods) {
  const torch::jit::Module module = load_script_module(path, device);
  std::vector<std::string> required{"forward"};
  required.insert(required.end(), methods.begin(), methods.end());
  for (const std::string& method : required) {
    if (!module.find_method(method)) {
      throw models_error("model_method_missing",
                         path.string() + ": expected a method `" + method + "`, found none",
                         contract_hint);
    }
  }
  const OneThread small_operations;
  return {.path = path,
          .module = freeze_for_inference(module, path, methods),
          .device = device,
          .bf16 = bf16};
}

} // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::ostringstream text;
  const char* separator = "[";
  for (const std::int64_t length : shape) {
    text << separator;
    (length == -1 ? text << "any" : text << length);
    separator = ",";
  }
  text << (shape.empty() ? "[]" : "]");
  return text.str();
}

at::Tensor forward(Network& network, const at::Tensor& images_nchw) {
  const c10::IValue result =
      run_method(network, "forward", {to_network_layout(images_nchw, network.device)});
  return result.toTensor().to(at::kCPU, at::kFloat).contiguous();
}

Network load_segmenter(const std::filesystem::path& path, const c10::Device& device, bool bf16,
                       std::int64_t input_size) {
  Network network = load_network(path, device, bf16, {});
  const at::Tensor images = trial_images(1, 1, input_size);
  const c10::IValue result = try_method(network, "forward", images, {});
  require_probabilities(network,
                        require_tensor(network, "forward", result, {1, 1, input_size, input_size}));
  return network;
}

Network load_classifier(const std::filesystem::path& path, const c10::Device& device, bool bf16,
                        std::int64_t input_size, std::int64_t channels) {
  Network network = load_network(path, device, bf16, {"grad_cam"});
  // Two images, so that a network that mixes or drops the batch is noticed.
  const at::Tensor images = trial_images(2, channels, input_size);
  const c10::IValue result = try_method(network, "forward", images, {});
  require_tensor(network, "forward", result, {2, 2});
  require_grad_cam(network, images);
  return network;
}

} // namespace cordlesion::inference
