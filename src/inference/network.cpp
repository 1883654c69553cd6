// One loaded network, compiled or a frozen TorchScript, that is known to keep the contract's
// shapes.
#include "network.hpp"

#include "cordlesion/core/error.hpp"
#include "device.hpp"
#include "script_module.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

namespace cordlesion::inference {
namespace {

constexpr const char* contract_hint =
    "models/README.md states what each network takes and returns; export the package again.";

struct Shape {
  std::int64_t channels = 0;
  std::int64_t size = 0;
};

/// Freezing computes thousands of small tensors, for which waking other threads costs more than
/// they help.
class OneThread {
 public:
  /// @param threads  to be set afterwards
  explicit OneThread(int threads = at::get_num_threads()) : threads_(threads) {
    at::set_num_threads(1);
  }
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

/// None if the network must be run as a script.
NetworkPlan* plan_of(Network& network) {
  auto& plan = network.plans[network.bf16 ? 1 : 0];
  if (network.layers && !plan) {
    plan = NetworkPlan::make(*network.layers, network.input_size, network.bf16, network.why_script);
  }
  return plan.get();
}

/// [N,...] of images [N,C,S,S].
at::Tensor run_plan(NetworkPlan& plan, const at::Tensor& images_nchw) {
  const at::Tensor images = images_nchw.contiguous();
  std::vector<std::int64_t> shape{images.size(0)};
  shape.insert(shape.end(), plan.result_shape().begin(), plan.result_shape().end());
  at::Tensor results = at::empty(shape, at::kFloat);
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    plan.run(images[i].data_ptr<float>(), results[i].data_ptr<float>());
  }
  return results;
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

/// `forward` on a CPU tensor [N,C,S,S], by the plan if there is one.
c10::IValue run_forward(Network& network, const at::Tensor& images_nchw) {
  if (NetworkPlan* plan = plan_of(network)) {
    return run_plan(*plan, images_nchw);
  }
  return run_method(network, "forward", {to_network_layout(images_nchw, network.device)});
}

Error mismatch(const Network& network, const std::string& what, const std::string& expected,
               const std::string& found) {
  return models_error("model_shape_mismatch",
                      network.path.string() + ": " + what + ": expected " + expected + ", found " +
                          found,
                      contract_hint);
}

/// Runs something on trial images, so that a wrong network is refused before any case is read.
template <typename Run>
auto try_out(const Network& network, const std::string& method, const at::Tensor& images,
             const Run& run) {
  try {
    return run();
  } catch (const std::exception& error) {
    throw models_error("model_does_not_run",
                       network.path.string() + ": " + method +
                           ": expected to run on an input of shape " +
                           shape_text(images.sizes().vec()) + ", found (" + reason_of(error) + ")",
                       contract_hint);
  }
}

c10::IValue try_forward(Network& network, const at::Tensor& images) {
  return try_out(network, "forward", images, [&] { return run_forward(network, images); });
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

/// Compiles the network for its precision; leaves it as a script where that cannot be.
void make_plan(Network& network, std::int64_t channels, Engine engine) {
  if (network.device.is_cpu() && engine == Engine::automatic) {
    network.layers = read_layer_graph(network.module, channels, network.why_script);
  }
  if (network.layers && !fold_layers(*network.layers)) {
    network.why_script = "a pixel_shuffle without a convolution of its own before it";
    network.layers.reset();
  }
  if (network.layers && plan_of(network) == nullptr) {
    network.layers.reset();
  }
}

Network load_network(LoadedScript script, const Execution& execution,
                     const std::vector<std::string>& methods, const Shape& input) {
  const std::filesystem::path path = script.path;
  Network network{.path = path,
                  .module = std::move(script.module),
                  .device = execution.device,
                  .bf16 = execution.bf16,
                  .input_size = input.size};
  std::vector<std::string> required{"forward"};
  required.insert(required.end(), methods.begin(), methods.end());
  for (const std::string& method : required) {
    if (!network.module.find_method(method)) {
      throw models_error("model_method_missing",
                         path.string() + ": expected a method `" + method + "`, found none",
                         contract_hint);
    }
  }
  make_plan(network, input.channels, execution.engine);
  if (!network.layers) {
    const OneThread small_operations;
    network.module = freeze_for_inference(network.module, path, methods);
  }
  return network;
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

at::Tensor trial_images(std::int64_t images, std::int64_t channels, std::int64_t size) {
  const std::int64_t count = images * channels * size * size;
  return at::arange(count, at::kFloat)
      .mul(0.01)
      .sin()
      .mul(0.5)
      .add(0.5)
      .reshape({images, channels, size, size});
}

at::Tensor forward(Network& network, const at::Tensor& images_nchw) {
  return run_forward(network, images_nchw).toTensor().to(at::kCPU, at::kFloat).contiguous();
}

void require_grad_cam(Network& network, const at::Tensor& images) {
  const c10::IValue result = try_out(network, "grad_cam", images, [&] {
    return run_method(network, "grad_cam",
                      {to_network_layout(images, network.device), std::int64_t{1}});
  });
  if (!result.isTuple() || result.toTupleRef().elements().size() != 2) {
    throw mismatch(network, "grad_cam", "a tuple of logits and maps", result.tagKind());
  }
  const auto& elements = result.toTupleRef().elements();
  require_tensor(network, "grad_cam logits", elements[0], {images.size(0), 2});
  require_tensor(network, "grad_cam maps", elements[1], {images.size(0), -1, -1});
}

ScriptLoader::ScriptLoader(std::vector<std::filesystem::path> paths, const c10::Device& device)
    : paths_(std::move(paths)), modules_(paths_.size()) {
  const int threads = at::get_num_threads();
  const std::size_t readers = std::min(paths_.size(), static_cast<std::size_t>(threads));
  // Where no further thread can be had, the caller reads.
  const auto policy =
      readers > 1 ? std::launch::async | std::launch::deferred : std::launch::deferred;
  for (std::size_t i = 0; i < readers; ++i) {
    readers_.push_back(std::async(policy, [this, device, threads] {
      const OneThread no_team_of_its_own(threads);
      read(device);
    }));
  }
}

void ScriptLoader::read(const c10::Device& device) {
  for (std::size_t i = begun_++; i < paths_.size(); i = begun_++) {
    try {
      modules_[i].set_value(load_script_module(paths_[i], device));
    } catch (...) {
      modules_[i].set_exception(std::current_exception());
    }
  }
}

LoadedScript ScriptLoader::next() {
  const std::size_t i = position_++;
  auto module = modules_.at(i).get_future();
  for (auto& reader : readers_) {
    if (reader.valid() &&
        reader.wait_for(std::chrono::seconds(0)) == std::future_status::deferred) {
      reader.get(); // reads all that no thread has begun, here
    }
  }
  return {.path = paths_[i], .module = module.get()};
}

Network load_segmenter(LoadedScript script, const Execution& execution, std::int64_t input_size) {
  Network network = load_network(std::move(script), execution, {}, {1, input_size});
  const c10::IValue result = try_forward(network, trial_images(1, 1, input_size));
  require_probabilities(network,
                        require_tensor(network, "forward", result, {1, 1, input_size, input_size}));
  return network;
}

Network load_classifier(LoadedScript script, const Execution& execution, std::int64_t input_size,
                        std::int64_t channels) {
  Network network =
      load_network(std::move(script), execution, {"grad_cam"}, {channels, input_size});
  // A plan takes images one by one; a script may mix or drop the batch, which two show.
  const std::int64_t count = network.layers ? 1 : 2;
  const at::Tensor images = trial_images(count, channels, input_size);
  require_tensor(network, "forward", try_forward(network, images), {count, 2});
  if (!network.layers) {
    require_grad_cam(network, images);
  }
  return network;
}

} // namespace cordlesion::inference
