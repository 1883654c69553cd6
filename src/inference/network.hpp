// One loaded network: a frozen TorchScript module that is known to keep the contract's shapes.
#pragma once

#include <torch/script.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cordlesion::inference {

/// A frozen module on its device. Tensors that go in and come out are fp32.
struct Network {
  std::filesystem::path path; ///< as messages name it
  torch::jit::Module module;
  c10::Device device{c10::kCPU};
  bool bf16 = false;
};

/// Loads a segmenter and runs it once: `[1,1,S,S]` must give probabilities `[1,1,S,S]`. Throws
/// models errors that name the file, what was expected and what was found.
Network load_segmenter(const std::filesystem::path& path, const c10::Device& device, bool bf16,
                       std::int64_t input_size);

/// Loads a classifier and runs it once: `[N,C,S,S]` must give logits `[N,2]`, and `grad_cam(x,
/// class)` those and maps `[N,h,w]`.
Network load_classifier(const std::filesystem::path& path, const c10::Device& device, bool bf16,
                        std::int64_t input_size, std::int64_t channels);

/// Runs `forward` on a CPU tensor `[N,C,S,S]`; the result is a contiguous fp32 CPU tensor. Throws
/// whatever LibTorch throws.
at::Tensor forward(Network& network, const at::Tensor& images_nchw);

/// For messages, for example `[1,2,256,256]`.
std::string shape_text(const std::vector<std::int64_t>& shape);

} // namespace cordlesion::inference
