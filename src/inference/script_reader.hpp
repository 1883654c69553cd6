// Runs a TorchScript method with an image that is only a name, and notes the layers on its way.
#pragma once

#include "layer_graph.hpp"

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <variant>

namespace cordlesion::inference {

/// A layer's result.
struct LayerResult {
  std::size_t layer;
};

struct Symbol;
using SymbolList = std::shared_ptr<std::vector<Symbol>>; ///< which scripts change in place

/// What a value of the script is: known now, or the result of layers.
struct Symbol {
  std::variant<c10::IValue, LayerResult, SymbolList> is;
};

/// The network does something that layers cannot tell; the text says what.
struct Untranslatable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class ScriptReader {
 public:
  /// Throws Untranslatable, and what LibTorch throws at unexpected values.
  LayerGraph read(const torch::jit::Module& module, std::int64_t channels);

 private:
  using Scope = std::unordered_map<const torch::jit::Value*, Symbol>;
  using Symbols = std::vector<Symbol>;

  // Control flow: script_reader.cpp
  Symbols call(torch::jit::Graph& graph, const Symbols& arguments);
  Symbols run(torch::jit::Block& block, Scope& scope);
  Symbols run(torch::jit::Node& node, Scope& scope);
  Symbol operation(torch::jit::Node& node, const Symbols& inputs);

  // Operations on images: script_layers.cpp
  Symbol layer(const torch::jit::Node& node, const Symbols& inputs);
  Symbol relu(const Symbols& inputs, bool in_place);
  Symbol sum(const Symbols& inputs);
  Symbol dropout(const Symbols& inputs);
  Symbol shuffle(const Symbols& inputs);
  Symbol batch_norm(const Symbols& inputs);
  Symbol convolution(const Symbols& inputs);
  Symbol concat(const Symbols& inputs);
  Symbol max_pool(const Symbols& inputs);
  Symbol average_pool(const Symbols& inputs);
  Symbol mean(const Symbols& inputs);
  Symbol linear(const Symbols& inputs);

  /// The layer whose result a symbol is.
  std::size_t layer_of(const Symbol& symbol) const;
  std::int64_t channels_of(const Symbol& symbol) const;
  /// Whether a layer's result is an image; a mean over all pixels ends that.
  bool has_pixels(std::size_t layer) const;
  Symbol add(Layer layer);
  /// A layer of one input, with the same number of channels.
  Symbol add(LayerKind kind, const Symbol& input);

  LayerGraph graph_;
  std::set<std::size_t> overwritten_; ///< layers whose result an in-place operation changed
};

/// The value of a symbol that does not depend on the image; else throws Untranslatable.
const c10::IValue& known(const Symbol& symbol);

} // namespace cordlesion::inference
