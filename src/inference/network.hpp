// One loaded network: a frozen TorchScript module that is known to keep the contract's shapes.
#pragma once

#include "cordlesion/inference/networks.hpp"
#include "network_plan.hpp"

#include <torch/script.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::inference {

struct Execution {
  c10::Device device{c10::kCPU};
  bool bf16 = false;
  Engine engine = Engine::automatic;
};

/// A module on its device. Tensors that go in and come out are fp32.
struct Network {
  std::filesystem::path path; ///< as messages name it
  torch::jit::Module module;  ///< frozen, unless there are layers
  c10::Device device{c10::kCPU};
  bool bf16 = false;
  std::int64_t input_size = 0;
  std::string why_script = {}; ///< why it could not be compiled, empty if it was or was not to be
  std::optional<LayerGraph> layers = std::nullopt;     ///< what plans are made of
  std::array<std::unique_ptr<NetworkPlan>, 2> plans{}; ///< for fp32 and bf16, made when needed
};

struct LoadedScript {
  std::filesystem::path path;
  torch::jit::Module module;
};

/// Reads files in as many threads as there may be, all of them beside the caller's if that is more
/// than one: what is there can be compiled while others are read.
class ScriptLoader {
 public:
  ScriptLoader(std::vector<std::filesystem::path> paths, const c10::Device& device);

  /// The next of the files, or its error.
  LoadedScript next();

 private:
  void read(const c10::Device& device);

  std::vector<std::filesystem::path> paths_;
  std::vector<std::promise<torch::jit::Module>> modules_;
  std::atomic<std::size_t> begun_ = 0; ///< files that a reader has taken
  std::size_t position_ = 0;
  std::vector<std::future<void>> readers_; ///< last, so that they end before what they write to
};

/// Compiles a segmenter and runs it once: `[1,1,S,S]` must give probabilities `[1,1,S,S]`. Throws
/// models errors that name the file, what was expected and what was found.
Network load_segmenter(LoadedScript script, const Execution& execution, std::int64_t input_size);

/// Compiles a classifier and runs it once: `[N,C,S,S]` must give logits `[N,2]`; one that stays a
/// script also runs `grad_cam`.
Network load_classifier(LoadedScript script, const Execution& execution, std::int64_t input_size,
                        std::int64_t channels);

/// Runs `grad_cam(x, class)` as a script: `[N,C,S,S]` must give logits `[N,2]` and maps `[N,h,w]`.
/// A second for a large network, which nothing else in the program needs.
void require_grad_cam(Network& network, const at::Tensor& images);

/// Runs `forward` on a CPU tensor `[N,C,S,S]`; the result is a contiguous fp32 CPU tensor. Throws
/// whatever LibTorch and oneDNN throw.
at::Tensor forward(Network& network, const at::Tensor& images_nchw);

/// A smooth pattern in [0, 1]: a constant image would hide outputs that depend on the input.
at::Tensor trial_images(std::int64_t images, std::int64_t channels, std::int64_t size);

/// For messages, for example `[1,2,256,256]`.
std::string shape_text(const std::vector<std::int64_t>& shape);

} // namespace cordlesion::inference
