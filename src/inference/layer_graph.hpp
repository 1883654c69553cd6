// A network as plain layers: what is left of a TorchScript method once everything that does not
// depend on the image is known.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace torch::jit {
struct Module;
}

namespace cordlesion::inference {

enum class LayerKind {
  input,
  conv,   ///< weights [O,I,h,w], bias [O]
  affine, ///< per channel: weights [C] times the value plus bias [C]
  relu,
  sigmoid,
  add,
  concat,  ///< of channels
  shuffle, ///< groups of channels become the 2 x 2 pixels of twice the size
  max_pool,
  average_pool,
  mean,   ///< over all pixels; what follows has no pixels any more
  linear, ///< weights [O,I], bias [O]
};

/// Rows and columns of a convolution or pooling.
struct Window {
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> padding{0, 0};

  /// No pixel is read for two results.
  bool reads_apart() const {
    return kernel == stride && padding == std::array<std::int64_t, 2>{0, 0};
  }
  bool reads_one_pixel() const {
    return reads_apart() && kernel == std::array<std::int64_t, 2>{1, 1};
  }
};

struct Layer {
  LayerKind kind = LayerKind::input;
  std::vector<std::size_t> inputs; ///< earlier layers
  std::int64_t channels = 0;       ///< of the result
  Window window{};                 ///< of conv, max_pool and average_pool
  at::Tensor weights{};            ///< fp32
  at::Tensor bias{};               ///< fp32
  // Of conv, in this order: a second of `inputs` is added, negative numbers become 0, and scale and
  // shift, if defined, are applied to each channel.
  bool relu = false;
  at::Tensor scale{};
  at::Tensor shift{};
};

/// Layers in the order of computation.
struct LayerGraph {
  std::vector<Layer> layers;
  std::size_t output = 0;
};

/// How often each layer's result is read: a sum with itself reads it twice, the output once more.
std::vector<std::size_t> count_uses(const LayerGraph& graph);

/// The layers of `forward` for an image of `channels` channels. None, with the reason in
/// `why_not`, for a network with other operations than those above.
std::optional<LayerGraph> read_layer_graph(const torch::jit::Module& module, std::int64_t channels,
                                           std::string& why_not);

/// Changes what is exact to change: sums, scales and ReLU behind a convolution become a part of it,
/// as does the order of channels that a shuffle wants, and average pooling behind a 1x1 convolution
/// comes first. False, and the graph of no use any more, for a shuffle whose channels no
/// convolution can put in order.
bool fold_layers(LayerGraph& graph);

} // namespace cordlesion::inference
