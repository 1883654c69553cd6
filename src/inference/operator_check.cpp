// Which operators a model may use: a TorchScript file is a program, and it must only compute.
#include "cordlesion/core/error.hpp"
#include "script_module.hpp"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>

#include <array>
#include <optional>
#include <string_view>

namespace cordlesion::inference {
namespace {

/// Everything else (c10d, rpc, custom libraries) has no place in a network on one machine.
constexpr std::array<std::string_view, 2> allowed_namespaces{"aten::", "prim::"};

/// In those namespaces: files, Python, other processes, and prints (stdout carries results only).
constexpr std::array<std::string_view, 8> forbidden{
    "aten::save",      "aten::from_file", "prim::PythonOp",   "prim::IgnoredPythonOp",
    "prim::rpc_async", "prim::rpc_sync",  "prim::rpc_remote", "prim::Print"};

bool is_forbidden(std::string_view name) {
  for (const std::string_view entry : forbidden) {
    if (name == entry) {
      return true;
    }
  }
  for (const std::string_view allowed : allowed_namespaces) {
    if (name.substr(0, allowed.size()) == allowed) {
      return false;
    }
  }
  return true;
}

std::optional<std::string> find_forbidden(const torch::jit::Block& block) {
  for (const torch::jit::Node* node : block.nodes()) {
    const std::string name = node->kind().toQualString();
    if (is_forbidden(name)) {
      return name;
    }
    for (const torch::jit::Block* inner : node->blocks()) {
      if (auto found = find_forbidden(*inner)) {
        return found;
      }
    }
    // Forked work and fused groups carry whole graphs as attributes.
    if (node->hasAttribute(torch::jit::attr::Subgraph)) {
      if (auto found = find_forbidden(*node->g(torch::jit::attr::Subgraph)->block())) {
        return found;
      }
    }
  }
  return std::nullopt;
}

} // namespace

void refuse_forbidden_operators(const torch::jit::Module& module,
                                const std::filesystem::path& path) {
  // Loading compiles the whole file into one compilation unit: the methods and hooks of every
  // class and every free function, called or not.
  for (torch::jit::Function* function : module._ivalue()->compilation_unit()->get_functions()) {
    const auto* graph_function = dynamic_cast<torch::jit::GraphFunction*>(function);
    if (graph_function == nullptr) {
      continue;
    }
    if (const auto found = find_forbidden(*graph_function->graph()->block())) {
      throw models_error("model_forbidden_operator",
                         path.string() + ": expected operators that only compute, found `" +
                             *found + "` in `" + function->name() + "`",
                         "A model must not touch files, other processes or Python: do not use this "
                         "package unless you know why it does.");
    }
  }
}

} // namespace cordlesion::inference
