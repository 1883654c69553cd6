// A network compiled for one image size and precision: convolutions by oneDNN, everything between
// them fused. Several times faster than running the TorchScript, with the same results up to
// rounding.
#pragma once

#include "layer_graph.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace cordlesion::inference {

class NetworkPlan {
 public:
  /// For square images of `size` pixels, of a graph that fold_layers was done with. None, with the
  /// reason in `why_not`, where the program was built without oneDNN or the layers do not fit.
  static std::unique_ptr<NetworkPlan> make(const LayerGraph& graph, std::int64_t size, bool bf16,
                                           std::string& why_not);
  virtual ~NetworkPlan() = default;

  /// The result's shape without the batch: [C,H,W], or [C] behind a mean over all pixels.
  virtual const std::vector<std::int64_t>& result_shape() const = 0;

  /// One image [C,S,S] in, one result out, both fp32 and contiguous.
  virtual void run(const float* image, float* result) = 0;
};

} // namespace cordlesion::inference
