// Reads the layers of a TorchScript method by running it with an image that is only a name.
#include "layer_graph.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <variant>

namespace cordlesion::inference {
namespace {

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

/// A layer's result.
struct Image {
  std::size_t layer;
};

struct Symbol;
using Images = std::shared_ptr<std::vector<Symbol>>; ///< a list, which scripts change in place

/// What a value of the script is: known now, or the result of layers.
struct Symbol {
  std::variant<c10::IValue, Image, Images> is;
};

struct Untranslatable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Reader {
 public:
  LayerGraph read(const torch::jit::Module& module, std::int64_t channels) {
    graph_.layers.push_back({.kind = LayerKind::input, .inputs = {}, .channels = channels});
    const auto& method = torch::jit::toGraphFunction(module.get_method("forward").function());
    const auto results = call(*method.graph(), {{module._ivalue()}, {Image{0}}});
    graph_.output = layer_of(results.at(0));
    return std::move(graph_);
  }

 private:
  using Scope = std::unordered_map<const Value*, Symbol>;

  std::vector<Symbol> call(torch::jit::Graph& graph, const std::vector<Symbol>& arguments) {
    Scope scope;
    if (graph.inputs().size() != arguments.size()) {
      throw Untranslatable("a call with other arguments");
    }
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      scope.emplace(graph.inputs()[i], arguments[i]);
    }
    return run(*graph.block(), scope);
  }

  std::vector<Symbol> run(Block& block, Scope& scope) {
    for (Node* node : block.nodes()) {
      const auto results = run(*node, scope);
      for (std::size_t i = 0; i < results.size(); ++i) {
        scope.insert_or_assign(node->output(i), results[i]);
      }
    }
    std::vector<Symbol> results;
    for (const Value* value : block.outputs()) {
      results.push_back(scope.at(value));
    }
    return results;
  }

  std::vector<Symbol> run(Node& node, Scope& scope) {
    std::vector<Symbol> inputs;
    for (const Value* value : node.inputs()) {
      inputs.push_back(scope.at(value));
    }
    switch (node.kind()) {
    case c10::prim::Constant:
      return {{torch::jit::toIValue(node.output()).value_or(c10::IValue{})}};
    case c10::prim::GetAttr:
      return {{known(inputs[0]).toObject()->getAttr(node.s(c10::attr::name))}};
    case c10::prim::unchecked_cast:
      return {inputs[0]};
    case c10::prim::If:
      return run(*node.blocks().at(known(inputs[0]).toBool() ? 0 : 1), scope);
    case c10::prim::CallMethod: {
      const auto type = known(inputs[0]).toObject()->type();
      auto& method = type->getMethod(node.s(c10::attr::name));
      return call(*torch::jit::toGraphFunction(method).graph(), inputs);
    }
    case c10::prim::CallFunction: {
      auto* function = node.input(0)->type()->expectRef<c10::FunctionType>().function();
      return call(*torch::jit::toGraphFunction(*function).graph(),
                  {inputs.begin() + 1, inputs.end()});
    }
    default:
      return {operation(node, inputs)};
    }
  }

  Symbol operation(Node& node, const std::vector<Symbol>& inputs) {
    if (node.kind() == c10::prim::ListConstruct &&
        node.output()->type()->isSubtypeOf(*c10::ListType::ofTensors())) {
      return {std::make_shared<std::vector<Symbol>>(inputs)};
    }
    if (const auto list = list_operation(node, inputs)) {
      return *list;
    }
    const bool all_known = std::all_of(inputs.begin(), inputs.end(), [](const Symbol& symbol) {
      return std::holds_alternative<c10::IValue>(symbol.is);
    });
    return all_known ? compute(node, inputs) : layer(node, inputs);
  }

  static std::optional<Symbol> list_operation(const Node& node, const std::vector<Symbol>& inputs) {
    const auto* list = inputs.empty() ? nullptr : std::get_if<Images>(&inputs[0].is);
    if (list == nullptr) {
      return std::nullopt;
    }
    if (node.kind() == c10::aten::append) {
      (*list)->push_back(inputs[1]);
      return inputs[0];
    }
    if (node.kind() == c10::Symbol::aten("pop") && !(*list)->empty() &&
        known(inputs[1]).toInt() == -1) {
      const Symbol last = (*list)->back();
      (*list)->pop_back();
      return last;
    }
    return std::nullopt;
  }

  /// An operation on known values alone, by the interpreter's own implementation.
  static Symbol compute(const Node& node, const std::vector<Symbol>& inputs) {
    torch::jit::Stack values;
    for (const Symbol& symbol : inputs) {
      values.push_back(known(symbol));
    }
    if (node.kind() == c10::prim::ListConstruct) {
      c10::impl::GenericList list(node.output()->type()->containedType(0));
      for (const c10::IValue& value : values) {
        list.push_back(value);
      }
      return {c10::IValue{list}};
    }
    if (node.outputs().size() != 1 || !(node.kind().is_aten() || node.kind().is_prim())) {
      throw Untranslatable(node.kind().toQualString());
    }
    node.getOperation()(values);
    return {values.back()};
  }

  Symbol layer(const Node& node, const std::vector<Symbol>& inputs);
  Symbol batch_norm(const std::vector<Symbol>& inputs);
  Symbol convolution(const std::vector<Symbol>& inputs);
  Symbol concat(const std::vector<Symbol>& inputs);
  Symbol max_pool(const std::vector<Symbol>& inputs);
  Symbol average_pool(const std::vector<Symbol>& inputs);
  Symbol mean(const std::vector<Symbol>& inputs);
  Symbol linear(const std::vector<Symbol>& inputs);

  static const c10::IValue& known(const Symbol& symbol) {
    const auto* value = std::get_if<c10::IValue>(&symbol.is);
    if (value == nullptr) {
      throw Untranslatable("a value that depends on the image");
    }
    return *value;
  }

  std::size_t layer_of(const Symbol& symbol) const {
    const auto* image = std::get_if<Image>(&symbol.is);
    if (image == nullptr) {
      throw Untranslatable("a result that is no image");
    }
    if (overwritten_.contains(image->layer)) {
      throw Untranslatable("an image that was changed in place");
    }
    return image->layer;
  }

  std::int64_t channels_of(const Symbol& symbol) const {
    return graph_.layers[layer_of(symbol)].channels;
  }

  /// A layer with the same number of channels as its first input.
  Symbol add(LayerKind kind, const std::vector<Symbol>& inputs) {
    Layer result{.kind = kind, .inputs = {}, .channels = channels_of(inputs[0])};
    for (const Symbol& input : inputs) {
      result.inputs.push_back(layer_of(input));
    }
    return add(std::move(result));
  }

  Symbol add(Layer layer) {
    graph_.layers.push_back(std::move(layer));
    return {Image{graph_.layers.size() - 1}};
  }

  LayerGraph graph_;
  std::set<std::size_t> overwritten_; ///< layers whose result an in-place operation changed
};

void require(bool condition, const char* what) {
  if (!condition) {
    throw Untranslatable(what);
  }
}

std::array<std::int64_t, 2> pair_of(const c10::IValue& value) {
  const auto list = value.toIntVector();
  require(list.size() == 2, "a window that is not of rows and columns");
  return {list[0], list[1]};
}

Symbol Reader::layer(const Node& node, const std::vector<Symbol>& inputs) {
  const std::string name = node.kind().toUnqualString();
  if (name == "relu" || name == "relu_") {
    const Symbol result = add(LayerKind::relu, {inputs[0]});
    if (name == "relu_") {
      overwritten_.insert(layer_of(inputs[0]));
    }
    return result;
  }
  if (name == "sigmoid") {
    return add(LayerKind::sigmoid, {inputs[0]});
  }
  if (name == "add") {
    require(known(inputs[2]).toScalar().equal(1) &&
                channels_of(inputs[0]) == channels_of(inputs[1]),
            "a sum of another kind");
    return add(LayerKind::add, {inputs[0], inputs[1]});
  }
  if (name == "dropout") {
    require(!known(inputs[2]).toBool(), "dropout");
    return inputs[0];
  }
  if (name == "dim") {
    return {c10::IValue{std::int64_t{4}}};
  }
  if (name == "pixel_shuffle") {
    require(known(inputs[1]).toInt() == 2 && channels_of(inputs[0]) % 4 == 0,
            "a shuffle of other than 2 x 2 pixels");
    return add({.kind = LayerKind::shuffle,
                .inputs = {layer_of(inputs[0])},
                .channels = channels_of(inputs[0]) / 4});
  }
  using Make = Symbol (Reader::*)(const std::vector<Symbol>&);
  static const std::unordered_map<std::string, Make> others{{"conv2d", &Reader::convolution},
                                                            {"batch_norm", &Reader::batch_norm},
                                                            {"cat", &Reader::concat},
                                                            {"max_pool2d", &Reader::max_pool},
                                                            {"avg_pool2d", &Reader::average_pool},
                                                            {"mean", &Reader::mean},
                                                            {"linear", &Reader::linear}};
  const auto found = others.find(name);
  require(found != others.end(), node.kind().toQualString());
  return (this->*found->second)(inputs);
}

Symbol Reader::convolution(const std::vector<Symbol>& inputs) {
  const at::Tensor weights = known(inputs[1]).toTensor();
  require(weights.dim() == 4 && weights.size(1) == channels_of(inputs[0]) &&
              pair_of(known(inputs[5])) == std::array<std::int64_t, 2>{1, 1} &&
              known(inputs[6]).toInt() == 1,
          "a convolution in groups or with gaps");
  const c10::IValue& bias = known(inputs[2]);
  return add({.kind = LayerKind::conv,
              .inputs = {layer_of(inputs[0])},
              .channels = weights.size(0),
              .window = {{weights.size(2), weights.size(3)},
                         pair_of(known(inputs[3])),
                         pair_of(known(inputs[4]))},
              .weights = weights,
              .bias = bias.isNone() ? at::zeros({weights.size(0)}) : bias.toTensor()});
}

Symbol Reader::batch_norm(const std::vector<Symbol>& inputs) {
  for (std::size_t i = 1; i <= 4; ++i) {
    require(known(inputs[i]).isTensor() && known(inputs[i]).toTensor().defined(),
            "a batch norm without statistics or scale");
  }
  require(!known(inputs[5]).toBool(), "a batch norm in training");
  const at::Tensor deviation = known(inputs[4]).toTensor().add(known(inputs[7]).toDouble()).sqrt();
  const at::Tensor scale = known(inputs[1]).toTensor() / deviation;
  const at::Tensor shift = known(inputs[2]).toTensor() - known(inputs[3]).toTensor() * scale;
  return add({.kind = LayerKind::affine,
              .inputs = {layer_of(inputs[0])},
              .channels = channels_of(inputs[0]),
              .weights = scale,
              .bias = shift});
}

Symbol Reader::concat(const std::vector<Symbol>& inputs) {
  const auto* list = std::get_if<Images>(&inputs[0].is);
  require(list != nullptr && !(*list)->empty() && known(inputs[1]).toInt() == 1,
          "a concatenation of other than channels");
  Layer result{.kind = LayerKind::concat, .inputs = {}};
  for (const Symbol& symbol : **list) {
    result.inputs.push_back(layer_of(symbol));
    result.channels += channels_of(symbol);
  }
  return add(std::move(result));
}

Symbol Reader::max_pool(const std::vector<Symbol>& inputs) {
  const Window window{pair_of(known(inputs[1])),
                      known(inputs[2]).toIntVector().empty() ? pair_of(known(inputs[1]))
                                                             : pair_of(known(inputs[2])),
                      pair_of(known(inputs[3]))};
  require(pair_of(known(inputs[4])) == std::array<std::int64_t, 2>{1, 1} &&
              !known(inputs[5]).toBool(),
          "a pooling with gaps or rounded up");
  return add({.kind = LayerKind::max_pool,
              .inputs = {layer_of(inputs[0])},
              .channels = channels_of(inputs[0]),
              .window = window});
}

Symbol Reader::average_pool(const std::vector<Symbol>& inputs) {
  const Window window{pair_of(known(inputs[1])),
                      known(inputs[2]).toIntVector().empty() ? pair_of(known(inputs[1]))
                                                             : pair_of(known(inputs[2])),
                      pair_of(known(inputs[3]))};
  require(window.padding == std::array<std::int64_t, 2>{0, 0} && !known(inputs[4]).toBool() &&
              known(inputs[6]).isNone(),
          "an average with a padding");
  return add({.kind = LayerKind::average_pool,
              .inputs = {layer_of(inputs[0])},
              .channels = channels_of(inputs[0]),
              .window = window});
}

Symbol Reader::mean(const std::vector<Symbol>& inputs) {
  require(known(inputs[1]).toIntVector() == std::vector<std::int64_t>{2, 3} &&
              !known(inputs[2]).toBool() && known(inputs[3]).isNone(),
          "a mean over other than all pixels");
  return add(LayerKind::mean, {inputs[0]});
}

Symbol Reader::linear(const std::vector<Symbol>& inputs) {
  const at::Tensor weights = known(inputs[1]).toTensor();
  require(weights.dim() == 2 && weights.size(1) == channels_of(inputs[0]) &&
              known(inputs[2]).isTensor(),
          "a linear layer without bias");
  return add({.kind = LayerKind::linear,
              .inputs = {layer_of(inputs[0])},
              .channels = weights.size(0),
              .weights = weights,
              .bias = known(inputs[2]).toTensor()});
}

} // namespace

std::optional<LayerGraph> read_layer_graph(const torch::jit::Module& module, std::int64_t channels,
                                           std::string& why_not) {
  try {
    const c10::InferenceMode inference;
    return Reader().read(module, channels);
  } catch (const std::exception& error) { // also what LibTorch throws at unexpected values
    why_not = error.what();
    return std::nullopt;
  }
}

} // namespace cordlesion::inference
