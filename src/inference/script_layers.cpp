// What operations on images become as layers.
#include "script_module.hpp"
#include "script_reader.hpp"

#include <ATen/ATen.h>

namespace cordlesion::inference {
namespace {

void require(bool condition, const char* what) {
  if (!condition) {
    throw Untranslatable(what);
  }
}

std::array<std::int64_t, 2> pair_of(const Symbol& symbol) {
  const auto list = known(symbol).toIntVector();
  require(list.size() == 2, "a window that is not of rows and columns");
  return {list[0], list[1]};
}

/// Finite values, as a ReLU could hide others; one per channel where `channels` is given.
at::Tensor weights_of(const at::Tensor& values, std::int64_t channels = -1) {
  require(values.defined() && values.sum().isfinite().item<bool>(), "weights that are not finite");
  require(channels < 0 || (values.dim() == 1 && values.numel() == channels),
          "weights for another number of channels");
  return values;
}

/// The name with that of the overload, as `add.Tensor`.
std::string full_name(const torch::jit::Node& node) {
  const auto* schema = node.maybeSchema();
  require(schema != nullptr, node.kind().toQualString());
  const std::string overload = schema->overload_name();
  return node.kind().toUnqualString() + (overload.empty() ? "" : "." + overload);
}

/// Kernel, stride (the kernel's if none is given) and padding of the arguments of a pooling.
Window pooling_window(const std::vector<Symbol>& inputs) {
  const bool no_stride = known(inputs[2]).toIntVector().empty();
  return {pair_of(inputs[1]), pair_of(inputs[no_stride ? 1 : 2]), pair_of(inputs[3])};
}

} // namespace

std::size_t ScriptReader::layer_of(const Symbol& symbol) const {
  const auto* result = std::get_if<LayerResult>(&symbol.is);
  require(result != nullptr, "a result that is no image");
  require(!overwritten_.contains(result->layer), "an image that was changed in place");
  return result->layer;
}

bool ScriptReader::has_pixels(std::size_t layer) const {
  const Layer& one = graph_.layers[layer];
  return one.kind != LayerKind::mean && one.kind != LayerKind::linear &&
         (one.inputs.empty() || has_pixels(one.inputs[0]));
}

std::int64_t ScriptReader::channels_of(const Symbol& symbol) const {
  return graph_.layers[layer_of(symbol)].channels;
}

Symbol ScriptReader::add(Layer layer) {
  graph_.layers.push_back(std::move(layer));
  return {LayerResult{graph_.layers.size() - 1}};
}

Symbol ScriptReader::add(LayerKind kind, const Symbol& input) {
  return add({.kind = kind, .inputs = {layer_of(input)}, .channels = channels_of(input)});
}

Symbol ScriptReader::layer(const torch::jit::Node& node, const Symbols& inputs) {
  const std::string name = full_name(node);
  if (name == "relu" || name == "relu_") {
    return relu(inputs, name == "relu_");
  }
  if (name == "sigmoid") {
    return add(LayerKind::sigmoid, inputs[0]);
  }
  if (name == "dim") {
    return {c10::IValue{std::int64_t{has_pixels(layer_of(inputs[0])) ? 4 : 2}}};
  }
  using Make = Symbol (ScriptReader::*)(const Symbols&);
  static const std::unordered_map<std::string, Make> others{
      {"add.Tensor", &ScriptReader::sum},        {"avg_pool2d", &ScriptReader::average_pool},
      {"batch_norm", &ScriptReader::batch_norm}, {"cat", &ScriptReader::concat},
      {"conv2d", &ScriptReader::convolution},    {"dropout", &ScriptReader::dropout},
      {"linear", &ScriptReader::linear},         {"max_pool2d", &ScriptReader::max_pool},
      {"mean.dim", &ScriptReader::mean},         {"pixel_shuffle", &ScriptReader::shuffle}};
  const auto found = others.find(name);
  require(found != others.end(), node.kind().toQualString());
  return (this->*found->second)(inputs);
}

Symbol ScriptReader::relu(const Symbols& inputs, bool in_place) {
  const Symbol result = add(LayerKind::relu, inputs[0]);
  if (in_place) {
    overwritten_.insert(layer_of(inputs[0]));
  }
  return result;
}

Symbol ScriptReader::sum(const Symbols& inputs) {
  require(known(inputs[2]).toScalar().equal(1) && channels_of(inputs[0]) == channels_of(inputs[1]),
          "a sum of another kind");
  return add({.kind = LayerKind::add,
              .inputs = {layer_of(inputs[0]), layer_of(inputs[1])},
              .channels = channels_of(inputs[0])});
}

Symbol ScriptReader::dropout(const Symbols& inputs) {
  require(!known(inputs[2]).toBool(), "dropout");
  return inputs[0];
}

Symbol ScriptReader::shuffle(const Symbols& inputs) {
  require(known(inputs[1]).toInt() == 2 && channels_of(inputs[0]) % 4 == 0,
          "a shuffle of other than 2 x 2 pixels");
  return add({.kind = LayerKind::shuffle,
              .inputs = {layer_of(inputs[0])},
              .channels = channels_of(inputs[0]) / 4});
}

Symbol ScriptReader::convolution(const Symbols& inputs) {
  const at::Tensor weights = known(inputs[1]).toTensor();
  require(weights.dim() == 4 && weights.size(1) == channels_of(inputs[0]) &&
              pair_of(inputs[5]) == std::array<std::int64_t, 2>{1, 1} &&
              known(inputs[6]).toInt() == 1,
          "a convolution in groups or with gaps");
  const c10::IValue& bias = known(inputs[2]);
  return add(
      {.kind = LayerKind::conv,
       .inputs = {layer_of(inputs[0])},
       .channels = weights.size(0),
       .window = {{weights.size(2), weights.size(3)}, pair_of(inputs[3]), pair_of(inputs[4])},
       .weights = weights_of(weights),
       .bias = bias.isNone() ? at::zeros({weights.size(0)})
                             : weights_of(bias.toTensor(), weights.size(0))});
}

Symbol ScriptReader::batch_norm(const Symbols& inputs) {
  const std::int64_t channels = channels_of(inputs[0]);
  for (std::size_t i = 1; i <= 4; ++i) {
    require(known(inputs[i]).isTensor(), "a batch norm without statistics or scale");
    weights_of(known(inputs[i]).toTensor(), channels);
  }
  require(!known(inputs[5]).toBool(), "a batch norm in training");
  const at::Tensor deviation = known(inputs[4]).toTensor().add(known(inputs[7]).toDouble()).sqrt();
  const at::Tensor scale = known(inputs[1]).toTensor() / deviation;
  const at::Tensor shift = known(inputs[2]).toTensor() - known(inputs[3]).toTensor() * scale;
  return add({.kind = LayerKind::affine,
              .inputs = {layer_of(inputs[0])},
              .channels = channels,
              .weights = weights_of(scale),
              .bias = weights_of(shift)});
}

Symbol ScriptReader::concat(const Symbols& inputs) {
  const auto* list = std::get_if<SymbolList>(&inputs[0].is);
  require(list != nullptr && !(*list)->empty() && known(inputs[1]).toInt() == 1,
          "a concatenation of other than channels");
  Layer result{.kind = LayerKind::concat, .inputs = {}};
  for (const Symbol& symbol : **list) {
    result.inputs.push_back(layer_of(symbol));
    result.channels += channels_of(symbol);
  }
  return add(std::move(result));
}

Symbol ScriptReader::max_pool(const Symbols& inputs) {
  require(pair_of(inputs[4]) == std::array<std::int64_t, 2>{1, 1} && !known(inputs[5]).toBool(),
          "a pooling with gaps or rounded up");
  return add({.kind = LayerKind::max_pool,
              .inputs = {layer_of(inputs[0])},
              .channels = channels_of(inputs[0]),
              .window = pooling_window(inputs)});
}

Symbol ScriptReader::average_pool(const Symbols& inputs) {
  const Window window = pooling_window(inputs);
  require(window.padding == std::array<std::int64_t, 2>{0, 0} && !known(inputs[4]).toBool() &&
              known(inputs[6]).isNone(),
          "an average with a padding");
  return add({.kind = LayerKind::average_pool,
              .inputs = {layer_of(inputs[0])},
              .channels = channels_of(inputs[0]),
              .window = window});
}

Symbol ScriptReader::mean(const Symbols& inputs) {
  require(known(inputs[1]).toIntVector() == std::vector<std::int64_t>{2, 3} &&
              !known(inputs[2]).toBool() && known(inputs[3]).isNone(),
          "a mean over other than all pixels");
  return add(LayerKind::mean, inputs[0]);
}

Symbol ScriptReader::linear(const Symbols& inputs) {
  const at::Tensor weights = known(inputs[1]).toTensor();
  require(weights.dim() == 2 && weights.size(1) == channels_of(inputs[0]) &&
              known(inputs[2]).isTensor(),
          "a linear layer without bias");
  return add({.kind = LayerKind::linear,
              .inputs = {layer_of(inputs[0])},
              .channels = weights.size(0),
              .weights = weights_of(weights).contiguous(),
              .bias = weights_of(known(inputs[2]).toTensor(), weights.size(0))});
}

std::optional<LayerGraph> read_layer_graph(const torch::jit::Module& module, std::int64_t channels,
                                           std::string& why_not) {
  try {
    const c10::InferenceMode inference;
    return ScriptReader().read(module, channels);
  } catch (const std::exception& error) { // also what LibTorch throws at unexpected values
    why_not = reason_of(error);
    return std::nullopt;
  }
}

} // namespace cordlesion::inference
