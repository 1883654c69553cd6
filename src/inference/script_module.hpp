// A TorchScript file, checked before and after loading and frozen for inference.
#pragma once

#include <torch/script.h>

#include <filesystem>
#include <string>
#include <vector>

namespace cordlesion::inference {

/// Loads a TorchScript file in evaluation mode, its floating-point tensors widened to fp32. Throws
/// a models error that names the file: `model_not_torchscript` or `model_forbidden_operator`.
torch::jit::Module load_script_module(const std::filesystem::path& path, const c10::Device& device);

/// Folds weights and batch normalisation into the graphs of `forward` and `kept_methods`.
torch::jit::Module freeze_for_inference(const torch::jit::Module& module,
                                        const std::filesystem::path& path,
                                        const std::vector<std::string>& kept_methods);

/// Throws unless no code in the file, of methods, hooks or free functions, can touch files, other
/// processes, Python or standard output.
void refuse_forbidden_operators(const torch::jit::Module& module,
                                const std::filesystem::path& path);

/// One line of what LibTorch says: its reason, without stack traces and source listings.
std::string reason_of(const std::exception& error);

} // namespace cordlesion::inference
