// Merges layers where the result is exactly the same network.
#include "layer_graph.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace cordlesion::inference {
namespace {

/// A convolution into which nothing that follows it is merged yet.
bool is_bare(const Layer& layer) {
  return layer.kind == LayerKind::conv && layer.inputs.size() == 1 && !layer.relu &&
         !layer.scale.defined();
}

/// True if `layer`, a scale or ReLU, is now done by `conv`, whose result it alone reads.
bool merge(Layer& conv, const Layer& layer) {
  if (conv.kind != LayerKind::conv || conv.scale.defined()) {
    return false;
  }
  if (layer.kind == LayerKind::affine && !is_bare(conv)) {
    conv.scale = layer.weights;
    conv.shift = layer.bias;
    return true;
  }
  if (layer.kind == LayerKind::affine) {
    conv.weights = conv.weights * layer.weights.reshape({-1, 1, 1, 1});
    conv.bias = conv.bias * layer.weights + layer.bias;
    return true;
  }
  if (layer.kind == LayerKind::relu) {
    conv.relu = true;
    return true;
  }
  return false;
}

/// True if a sum of two convolutions is now done by the later one.
bool merge_sum(const Layer& earlier, std::size_t earlier_place, Layer& later) {
  const bool fits = earlier.kind == LayerKind::conv && is_bare(later);
  if (fits) {
    later.inputs.push_back(earlier_place);
  }
  return fits;
}

/// Averaged 1x1 convolutions are the convolution of the average, with a fraction of the work: lets
/// average pooling and the convolution before it change places.
void pool_first(Layer& conv, Layer& pool, const LayerGraph& graph) {
  if (is_bare(conv) && conv.window.reads_one_pixel() && pool.window.reads_apart()) {
    std::swap(conv, pool);
    std::swap(conv.inputs, pool.inputs);
    conv.channels = graph.layers[conv.inputs[0]].channels;
  }
}

/// Channel 4 c + p of a convolution, which a shuffle makes channel c of pixel p, becomes channel
/// p C + c, so that each of the four pixels has its channels side by side.
void group_by_pixel(Layer& conv) {
  const auto order = [&](const at::Tensor& values) {
    auto shape = values.sizes().vec();
    shape[0] /= 4;
    shape.insert(shape.begin() + 1, 4);
    return values.reshape(shape).transpose(0, 1).contiguous().reshape(values.sizes());
  };
  conv.weights = order(conv.weights);
  conv.bias = order(conv.bias);
  if (conv.scale.defined()) {
    conv.scale = order(conv.scale);
    conv.shift = order(conv.shift);
  }
}

/// Drops the layers that another one stands for.
LayerGraph without_merged(const LayerGraph& graph, const std::vector<std::size_t>& stands_for) {
  LayerGraph kept;
  std::vector<std::size_t> place(graph.layers.size());
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    if (stands_for[i] != i) {
      place[i] = place[stands_for[i]];
      continue;
    }
    place[i] = kept.layers.size();
    kept.layers.push_back(graph.layers[i]);
    for (std::size_t& input : kept.layers.back().inputs) {
      input = place[input];
    }
  }
  kept.output = place[graph.output];
  return kept;
}

} // namespace

std::vector<std::size_t> count_uses(const LayerGraph& graph) {
  std::vector<std::size_t> uses(graph.layers.size(), 0);
  for (const Layer& layer : graph.layers) {
    for (const std::size_t input : layer.inputs) {
      ++uses[input];
    }
  }
  ++uses[graph.output];
  return uses;
}

bool fold_layers(LayerGraph& graph) {
  const c10::InferenceMode inference;
  const auto uses = count_uses(graph);
  std::vector<std::size_t> stands_for(graph.layers.size());
  std::iota(stands_for.begin(), stands_for.end(), 0);
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    const Layer& layer = graph.layers[i];
    const bool single = layer.inputs.size() == 1 && uses[layer.inputs[0]] == 1;
    if (layer.kind == LayerKind::shuffle) {
      Layer& before = graph.layers[stands_for[layer.inputs[0]]];
      if (!single || before.kind != LayerKind::conv || before.inputs.size() > 1) {
        return false;
      }
      group_by_pixel(before);
    } else if (layer.kind == LayerKind::average_pool) {
      if (single) {
        pool_first(graph.layers[stands_for[layer.inputs[0]]], graph.layers[i], graph);
      }
    } else if (single && merge(graph.layers[stands_for[layer.inputs[0]]], layer)) {
      stands_for[i] = stands_for[layer.inputs[0]];
    } else if (layer.kind == LayerKind::add && uses[layer.inputs[0]] == 1 &&
               uses[layer.inputs[1]] == 1) {
      const auto [earlier, later] =
          std::minmax(stands_for[layer.inputs[0]], stands_for[layer.inputs[1]]);
      if (merge_sum(graph.layers[earlier], earlier, graph.layers[later])) {
        stands_for[i] = later;
      }
    }
  }
  graph = without_merged(graph, stands_for);
  return true;
}

} // namespace cordlesion::inference
