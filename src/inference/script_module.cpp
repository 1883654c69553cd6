// A TorchScript file, checked before and after loading and frozen for inference.
#include "script_module.hpp"

#include "cordlesion/core/error.hpp"

#include <caffe2/serialize/inline_container.h>

#include <array>
#include <string_view>

namespace cordlesion::inference {
namespace {

Error not_torchscript(const std::filesystem::path& path, const std::string& found) {
  return models_error("model_not_torchscript",
                      path.string() + ": expected a TorchScript file, found " + found,
                      "Save it with torch.jit.save, or export the package again.");
}

/// Code that would run while the file is being loaded, before its operators can be looked at.
/// Only archives of source text are accepted: LibTorch also reads older and binary formats.
void refuse_code_at_load(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 2> suspects{"__setstate__", "__torch__.torch.classes"};
  caffe2::serialize::PyTorchStreamReader reader(path.string());
  if (reader.hasRecord("model.json") || !reader.hasRecord("constants.pkl")) {
    throw not_torchscript(path, "an archive of another kind");
  }
  for (const std::string& record : reader.getAllRecords()) {
    if (record.rfind("code/", 0) != 0 && record.rfind(".pkl") == std::string::npos) {
      continue;
    }
    const auto [data, size] = reader.getRecord(record);
    const std::string_view text(static_cast<const char*>(data.get()), size);
    for (const std::string_view suspect : suspects) {
      if (text.find(suspect) != std::string_view::npos) {
        throw models_error("model_forbidden_operator",
                           path.string() + ": expected code that runs only when called, found `" +
                               std::string(suspect) + "`",
                           "Export the network without custom classes and state hooks.");
      }
    }
  }
}

/// Weights are stored as half precision; integers (counters, indices) keep their type.
void widen_to_fp32(const torch::jit::Module& module) {
  for (const c10::IValue& attribute : module.attributes()) {
    if (!attribute.isTensor() || !attribute.toTensor().defined()) {
      continue;
    }
    at::Tensor tensor = attribute.toTensor();
    at::Tensor wide = tensor.detach();
    if (wide.is_floating_point()) {
      wide = wide.to(at::kFloat);
    }
    // The layout of the weights decides that of the convolutions.
    if (wide.dim() == 4) {
      wide = wide.contiguous(at::MemoryFormat::ChannelsLast);
    }
    tensor.set_data(wide);
    tensor.set_requires_grad(false);
  }
}

} // namespace

std::string reason_of(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  // The interpreter puts a traceback of the script first and the reason behind it.
  const std::size_t reason = text.rfind("Error: ");
  if (reason != std::string::npos) {
    text.erase(0, text.rfind('\n', reason) + 1);
  }
  text.erase(0, text.find_first_not_of('\n'));
  return text.substr(0, text.find('\n'));
}

torch::jit::Module load_script_module(const std::filesystem::path& path,
                                      const c10::Device& device) {
  try {
    refuse_code_at_load(path);
    torch::jit::Module module = torch::jit::load(path.string(), device);
    refuse_forbidden_operators(module, path);
    module.eval();
    widen_to_fp32(module);
    return module;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw not_torchscript(path, "something LibTorch cannot load (" + reason_of(error) + ")");
  }
}

torch::jit::Module freeze_for_inference(const torch::jit::Module& module,
                                        const std::filesystem::path& path,
                                        const std::vector<std::string>& kept_methods) {
  try {
    return torch::jit::freeze(module, kept_methods);
  } catch (const std::exception& error) {
    throw models_error("model_cannot_freeze",
                       path.string() + ": expected a network that can be frozen, found (" +
                           reason_of(error) + ")",
                       "Export it in evaluation mode, without buffers that change.");
  }
}

} // namespace cordlesion::inference
