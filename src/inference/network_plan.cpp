// Compiles layers into steps over images whose memory is shared out in advance.
#include "network_plan.hpp"

#include "cordlesion/inference/runtime.hpp"

#ifdef CORDLESION_ONEDNN

#include "image_memory.hpp"
#include "onednn_steps.hpp"
#include "pixel_expression.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

namespace cordlesion::inference {
namespace {

using Expression = std::shared_ptr<const PixelExpression>;
using Image = std::shared_ptr<PixelImage>;
using Vector = std::shared_ptr<std::vector<float>>;

void collect_images(const PixelExpression& expression, std::vector<Image>& images) {
  if (expression.image) {
    images.push_back(expression.image);
  }
  for (const Expression& input : expression.inputs) {
    collect_images(*input, images);
  }
}

class OneDnnPlan : public NetworkPlan {
 public:
  OneDnnPlan(const LayerGraph& graph, std::int64_t size, bool bf16)
      : graph_(graph), bf16_(bf16), size_(static_cast<std::size_t>(size)),
        values_(graph.layers.size()), vectors_(graph.layers.size()), uses_(count_uses(graph)) {
    const c10::InferenceMode inference;
    for (std::size_t i = 0; i < graph.layers.size(); ++i) {
      compile(i);
    }
    compile_output();
    memory_ = share_memory(steps_);
  }

  const std::vector<std::int64_t>& result_shape() const override { return result_shape_; }

  void run(const float* image, float* result) override {
    const c10::InferenceMode inference;
    source_ = image;
    target_ = result;
    for (const PlanStep& step : steps_) {
      step.run();
    }
  }

 private:
  void compile(std::size_t i);
  void compile_input(std::size_t i);
  void compile_mean(std::size_t i);
  void compile_linear(std::size_t i);
  void compile_output();
  Image compile_windowed(std::size_t i);

  std::size_t lanes_for(std::size_t channels) const {
    const std::size_t multiple = bf16_ ? 16 : 8;
    return (channels + multiple - 1) / multiple * multiple;
  }

  Image new_image(std::size_t rows, std::size_t columns, std::size_t channels, bool bf16) const {
    return std::make_shared<PixelImage>(
        PixelImage{rows, columns, channels, lanes_for(channels), bf16});
  }

  Expression expression_of(const Image& image) const {
    return std::make_shared<PixelExpression>(PixelExpression{
        .image = image, .channels = image->channels, .lanes = lanes_for(image->channels)});
  }

  /// Height and width of a value, from the images it is computed from.
  static std::array<std::size_t, 2> extent(const PixelExpression& expression) {
    if (!expression.image) {
      return extent(*expression.inputs[0]);
    }
    const std::size_t factor = expression.operation == LayerKind::shuffle ? 2 : 1;
    return {expression.image->rows * factor, expression.image->columns * factor};
  }

  /// The value of a layer with pixels.
  const Expression& value_of(std::size_t i) const {
    if (!values_[i]) {
      throw std::invalid_argument("an operation on pixels where there are none");
    }
    return values_[i];
  }

  /// A new image of a value.
  Image evaluated(const Expression& value, bool bf16) {
    const auto [rows, columns] = extent(*value);
    const Image image = new_image(rows, columns, value->channels, bf16);
    add_step([value, image] { evaluate_into(*value, *image); }, {image}, value);
    return image;
  }

  /// The image of a layer's result, evaluated once.
  Image in_memory(std::size_t i) {
    if (value_of(i)->operation != LayerKind::input) {
      values_[i] = expression_of(evaluated(values_[i], bf16_));
    }
    return values_[i]->image;
  }

  void add_step(std::function<void()> run, std::vector<Image> images,
                const Expression& read = nullptr) {
    if (read) {
      collect_images(*read, images);
    }
    steps_.push_back({std::move(run), std::move(images)});
  }

  /// Only scales, ReLU and sigmoid lie between a convolution and the result: it stays fp32.
  bool feeds_result_alone(std::size_t i) const {
    while (i != graph_.output) {
      const auto user =
          std::find_if(graph_.layers.begin(), graph_.layers.end(), [&](const Layer& layer) {
            return std::find(layer.inputs.begin(), layer.inputs.end(), i) != layer.inputs.end();
          });
      if (uses_[i] != 1 || (user->kind != LayerKind::sigmoid && user->kind != LayerKind::affine &&
                            user->kind != LayerKind::relu)) {
        return false;
      }
      i = static_cast<std::size_t>(user - graph_.layers.begin());
    }
    return true;
  }

  LayerGraph graph_;
  bool bf16_;
  std::size_t size_;
  std::vector<Expression> values_; ///< of layers with pixels
  std::vector<Vector> vectors_;    ///< of layers behind a mean
  std::vector<std::size_t> uses_;
  std::vector<PlanStep> steps_;
  std::vector<AlignedBytes> memory_;
  OneDnn onednn_;
  std::vector<std::int64_t> result_shape_;
  const float* source_ = nullptr;
  float* target_ = nullptr;
};

std::vector<float> padded(const at::Tensor& values, std::size_t lanes) {
  const at::Tensor plain = values.to(at::kFloat).contiguous();
  std::vector<float> result(plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel());
  result.resize(lanes, 0.0F);
  return result;
}

void OneDnnPlan::compile(std::size_t i) {
  const Layer& layer = graph_.layers[i];
  switch (layer.kind) {
  case LayerKind::input:
    return compile_input(i);
  case LayerKind::conv:
  case LayerKind::max_pool:
  case LayerKind::average_pool:
    values_[i] = expression_of(compile_windowed(i));
    return;
  case LayerKind::mean:
    return compile_mean(i);
  case LayerKind::linear:
    return compile_linear(i);
  default:
    break;
  }
  if (vectors_[layer.inputs[0]]) {
    return compile_linear(i);
  }
  PixelExpression value{.operation = layer.kind,
                        .channels = static_cast<std::size_t>(layer.channels),
                        .lanes = lanes_for(static_cast<std::size_t>(layer.channels))};
  if (layer.kind == LayerKind::shuffle) {
    value.image = in_memory(layer.inputs[0]);
  } else {
    for (const std::size_t input : layer.inputs) {
      value.inputs.push_back(value_of(input));
      if (extent(*value.inputs.back()) != extent(*value.inputs.front())) {
        throw std::invalid_argument("images of different height or width");
      }
    }
  }
  if (layer.kind == LayerKind::affine) {
    value.scale = padded(layer.weights, value.lanes);
    value.shift = padded(layer.bias, value.lanes);
  }
  values_[i] = std::make_shared<PixelExpression>(std::move(value));
  if (uses_[i] > 1) {
    in_memory(i);
  }
}

void OneDnnPlan::compile_input(std::size_t i) {
  const auto channels = static_cast<std::size_t>(graph_.layers[i].channels);
  // Few channels: convolutions want them as they are.
  const auto image =
      std::make_shared<PixelImage>(PixelImage{size_, size_, channels, channels, bf16_});
  values_[i] = expression_of(image);
  add_step([this, image] { interleave(source_, *image); }, {image});
}

Image OneDnnPlan::compile_windowed(std::size_t i) {
  const Layer& layer = graph_.layers[i];
  const Image source = in_memory(layer.inputs[0]);
  const auto reach = [&](std::size_t length, std::size_t axis) {
    const auto padded_length = static_cast<std::int64_t>(length) + 2 * layer.window.padding[axis];
    return static_cast<std::size_t>(
        (padded_length - layer.window.kernel[axis]) / layer.window.stride[axis] + 1);
  };
  const bool low = bf16_ && !(layer.kind == LayerKind::conv && feeds_result_alone(i));
  const Image target = new_image(reach(source->rows, 0), reach(source->columns, 1),
                                 static_cast<std::size_t>(layer.channels), low);
  if (layer.kind != LayerKind::conv) {
    target->lanes = source->lanes;
  }
  add_step(layer.kind == LayerKind::conv ? onednn_.convolution(layer, source, target)
                                         : onednn_.pooling(layer, source, target),
           {source, target});
  return target;
}

void OneDnnPlan::compile_mean(std::size_t i) {
  const Image image = evaluated(value_of(graph_.layers[i].inputs[0]), false);
  vectors_[i] = std::make_shared<std::vector<float>>(image->channels);
  add_step([image, result = vectors_[i]] { mean_of_pixels(*image, *result); }, {image});
}

/// linear, or the ReLU of a vector.
void OneDnnPlan::compile_linear(std::size_t i) {
  const Layer& layer = graph_.layers[i];
  const Vector input = vectors_[layer.inputs[0]];
  const auto channels = static_cast<std::size_t>(layer.channels);
  if (!input || (layer.kind != LayerKind::linear && layer.kind != LayerKind::relu)) {
    throw std::invalid_argument("an operation on pixels where there are none, or the reverse");
  }
  vectors_[i] = std::make_shared<std::vector<float>>(channels);
  add_step(
      [input, result = vectors_[i], weights = layer.weights, bias = layer.bias] {
        at::Tensor values =
            at::from_blob(input->data(), {1, static_cast<std::int64_t>(input->size())});
        values = weights.defined() ? at::linear(values, weights, bias) : at::relu(values);
        std::copy_n(values.data_ptr<float>(), result->size(), result->data());
      },
      {});
}

void OneDnnPlan::compile_output() {
  const std::size_t last = graph_.output;
  if (const Vector vector = vectors_[last]) {
    result_shape_ = {static_cast<std::int64_t>(vector->size())};
    add_step([this, vector] { std::copy(vector->begin(), vector->end(), target_); }, {});
    return;
  }
  const Image image = evaluated(values_[last], false);
  add_step([this, image] { separate(*image, target_); }, {image});
  result_shape_ = {static_cast<std::int64_t>(image->channels),
                   static_cast<std::int64_t>(image->rows),
                   static_cast<std::int64_t>(image->columns)};
}

} // namespace

std::unique_ptr<NetworkPlan> NetworkPlan::make(const LayerGraph& graph, std::int64_t size,
                                               bool bf16, std::string& why_not) {
  try {
    return std::make_unique<OneDnnPlan>(graph, size, bf16);
  } catch (const std::exception& error) {
    why_not = error.what();
    return nullptr;
  }
}

std::string plan_engine() {
  const dnnl_version_t* version = dnnl::version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

} // namespace cordlesion::inference

#else

namespace cordlesion::inference {

std::unique_ptr<NetworkPlan> NetworkPlan::make(const LayerGraph&, std::int64_t, bool,
                                               std::string& why_not) {
  why_not = "built without oneDNN";
  return nullptr;
}

std::string plan_engine() {
  return "none";
}

} // namespace cordlesion::inference

#endif
