// Compiles layers into steps over images whose memory is shared out in advance.
#include "network_plan.hpp"

#include "cordlesion/inference/runtime.hpp"

#ifdef CORDLESION_ONEDNN

#include "image_memory.hpp"
#include "onednn_steps.hpp"
#include "pixel_value.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>

namespace cordlesion::inference {
namespace {

using Image = std::shared_ptr<PixelImage>;
using Vector = std::shared_ptr<std::vector<float>>;

/// How much of a value is computed at a time for the layer that reads it: what fits into a core's
/// own cache.
constexpr std::size_t band_bytes_per_thread = 256 << 10;

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
  PixelValue pixel_by_pixel(const Layer& layer);
  PixelValue sum_of(std::size_t first, std::size_t second);
  PixelValue joined(const std::vector<std::size_t>& inputs);
  Image compile_windowed(std::size_t i);
  Image target_of(std::size_t i, const PixelImage& source) const;
  OneDnn::Step windowed_step(const Layer& layer, const Image& source, const Image& target) {
    return layer.kind == LayerKind::conv ? onednn_.convolution(layer, source, target)
                                         : onednn_.pooling(layer, source, target);
  }

  std::size_t lanes_for(std::size_t channels) const {
    const std::size_t multiple = bf16_ ? 16 : 8;
    return (channels + multiple - 1) / multiple * multiple;
  }

  Image new_image(std::size_t rows, std::size_t columns, std::size_t channels, bool bf16) const {
    return std::make_shared<PixelImage>(
        PixelImage{rows, columns, channels, lanes_for(channels), bf16});
  }

  /// Whether the layer that reads the result of layer `i` may overwrite it.
  bool is_only_for_next(std::size_t i) const {
    return uses_[i] == 1 && graph_.layers[i].kind == LayerKind::conv;
  }

  /// The value of a layer with pixels.
  PixelValue& value_of(std::size_t i) {
    if (!values_[i]) {
      throw std::invalid_argument("an operation on pixels where there are none");
    }
    return *values_[i];
  }

  /// What a pass over a value reads and writes.
  static std::vector<Image> images_of(const PixelValue& value, const Image& target) {
    std::vector<Image> images{target};
    for (const PixelPart& part : value.parts) {
      images.push_back(part.image);
    }
    if (value.added) {
      images.push_back(value.added);
    }
    return images;
  }

  /// A new image of a value.
  Image evaluated(const PixelValue& value, bool bf16) {
    const bool overwrites = value.may_overwrite_added && value.added->bf16 == bf16;
    const Image image =
        overwrites ? value.added : new_image(value.rows, value.columns, value.channels, bf16);
    add_step([pass = pass_over_pixels(value, image)] { pass(0); }, images_of(value, image));
    return image;
  }

  /// The image of a layer's result, evaluated once.
  Image in_memory(std::size_t i) {
    PixelValue& value = value_of(i);
    if (!value.image()) {
      value = PixelValue(evaluated(value, bf16_));
    }
    return value.image();
  }

  /// The image of this precision that holds a value already, if there is one.
  static Image ready_image(const PixelValue& value, bool bf16) {
    const Image image = value.image();
    return image && image->bf16 == bf16 ? image : nullptr;
  }

  /// An image of this precision that holds a value.
  Image image_of(const PixelValue& value, bool bf16) {
    const Image ready = ready_image(value, bf16);
    return ready ? ready : evaluated(value, bf16);
  }

  void add_step(std::function<void()> run, std::vector<Image> images) {
    steps_.push_back({std::move(run), std::move(images)});
  }

  /// Whether the result of layer `i` is stored in bf16. That of the last convolution is not if only
  /// scales, ReLU and sigmoid lie behind it.
  bool keeps_bf16(std::size_t i) const {
    if (graph_.layers[i].kind != LayerKind::conv) {
      return bf16_;
    }
    while (i != graph_.output) {
      const auto user =
          std::find_if(graph_.layers.begin(), graph_.layers.end(), [&](const Layer& layer) {
            return std::find(layer.inputs.begin(), layer.inputs.end(), i) != layer.inputs.end();
          });
      if (uses_[i] != 1 || (user->kind != LayerKind::sigmoid && user->kind != LayerKind::affine &&
                            user->kind != LayerKind::relu)) {
        return bf16_;
      }
      i = static_cast<std::size_t>(user - graph_.layers.begin());
    }
    return bf16_ && uses_[i] > 1;
  }

  LayerGraph graph_;
  bool bf16_;
  std::size_t size_;
  std::vector<std::optional<PixelValue>> values_; ///< of layers with pixels
  std::vector<Vector> vectors_;                   ///< of layers behind a mean
  std::vector<std::size_t> uses_;
  std::vector<PlanStep> steps_;
  std::vector<AlignedBytes> memory_;
  OneDnn onednn_;
  std::vector<std::int64_t> result_shape_;
  const float* source_ = nullptr;
  float* target_ = nullptr;
};

std::vector<float> numbers_of(const at::Tensor& values) {
  const at::Tensor plain = values.to(at::kFloat).contiguous();
  return {plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel()};
}

void OneDnnPlan::compile(std::size_t i) {
  const Layer& layer = graph_.layers[i];
  switch (layer.kind) {
  case LayerKind::input:
    return compile_input(i);
  case LayerKind::conv:
  case LayerKind::max_pool:
  case LayerKind::average_pool:
    values_[i] = PixelValue(compile_windowed(i));
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
  values_[i] = pixel_by_pixel(layer);
  if (uses_[i] > 1) {
    in_memory(i);
  }
}

/// The value of a layer that is computed pixel by pixel. What does not fit into one pass with the
/// layers before is computed from their image.
PixelValue OneDnnPlan::pixel_by_pixel(const Layer& layer) {
  const std::size_t first = layer.inputs[0];
  PixelValue value = value_of(first);
  for (const std::size_t input : layer.inputs) {
    if (value_of(input).rows != value.rows || value_of(input).columns != value.columns) {
      throw std::invalid_argument("images of different height or width");
    }
  }
  switch (layer.kind) {
  case LayerKind::relu:
    value.clamp_negative();
    return value;
  case LayerKind::affine: {
    const std::vector<float> scale = numbers_of(layer.weights);
    const std::vector<float> shift = numbers_of(layer.bias);
    if (!value.scale(scale, shift)) {
      value = PixelValue(in_memory(first));
      value.scale(scale, shift);
    }
    return value;
  }
  case LayerKind::add:
    return sum_of(first, layer.inputs[1]);
  case LayerKind::concat:
    return joined(layer.inputs);
  case LayerKind::shuffle:
    value = PixelValue(in_memory(first));
    value.rows *= 2;
    value.columns *= 2;
    value.channels = static_cast<std::size_t>(layer.channels);
    value.parts[0] = {value.parts[0].image, value.channels, true};
    return value;
  case LayerKind::sigmoid: {
    const Image image = is_only_for_next(first) ? image_of(value, false) : evaluated(value, false);
    add_step([image] { apply_sigmoid(*image); }, {image});
    return PixelValue(image);
  }
  default:
    throw std::invalid_argument("a layer that is not pixel by pixel");
  }
}

PixelValue OneDnnPlan::sum_of(std::size_t first, std::size_t second) {
  for (const auto& [place, added] : {std::pair(first, second), std::pair(second, first)}) {
    PixelValue sum = value_of(place);
    if (sum.add(value_of(added))) {
      sum.may_overwrite_added = is_only_for_next(added);
      return sum;
    }
  }
  PixelValue sum(image_of(value_of(first), bf16_));
  sum.add(PixelValue(image_of(value_of(second), bf16_)));
  return sum;
}

PixelValue OneDnnPlan::joined(const std::vector<std::size_t>& inputs) {
  const auto parts_of = [&](std::size_t input) {
    const PixelValue& value = value_of(input);
    return value.only_parts() ? value : PixelValue(in_memory(input));
  };
  PixelValue value = parts_of(inputs[0]);
  for (std::size_t k = 1; k < inputs.size(); ++k) {
    value.join(parts_of(inputs[k]));
  }
  return value;
}

void OneDnnPlan::compile_input(std::size_t i) {
  const auto channels = static_cast<std::size_t>(graph_.layers[i].channels);
  // Few channels: convolutions want them as they are.
  const auto image =
      std::make_shared<PixelImage>(PixelImage{size_, size_, channels, channels, bf16_});
  values_[i] = PixelValue(image);
  add_step([this, image] { interleave(source_, *image); }, {image});
}

Image OneDnnPlan::compile_windowed(std::size_t i) {
  const Layer& layer = graph_.layers[i];
  const PixelValue& value = value_of(layer.inputs[0]);
  // What nothing else reads is computed some rows at a time, which stay in the cache.
  const bool in_bands =
      !ready_image(value, bf16_) && layer.inputs.size() == 1 && layer.window.reads_apart();
  const Image source = in_bands ? new_image(value.rows, value.columns, value.channels, bf16_)
                                : image_of(value, bf16_);
  Image target = target_of(i, *source);
  if (layer.inputs.size() > 1) {
    const PixelValue& other = value_of(layer.inputs[1]);
    if (other.rows != target->rows || other.columns != target->columns ||
        other.channels != target->channels) {
      throw std::invalid_argument("a sum of images of different height, width or channels");
    }
    target = image_of(other, target->bf16); // only this layer reads it, and adds to it
  }
  if (!in_bands) {
    add_step(windowed_step(layer, source, target), {source, target});
    return target;
  }
  const auto kernel_rows = static_cast<std::size_t>(layer.window.kernel[0]);
  const auto threads = static_cast<std::size_t>(at::get_num_threads());
  while (source->rows % (2 * kernel_rows) == 0 && source->rows / 2 >= threads &&
         source->bytes() > threads * band_bytes_per_thread) {
    source->rows /= 2;
  }
  const auto band = std::make_shared<PixelImage>(*target);
  band->rows = source->rows / kernel_rows;
  std::vector<Image> images = images_of(value, source);
  images.push_back(target);
  add_step(
      [=, pass = pass_over_pixels(value, source), step = windowed_step(layer, source, band)] {
        for (std::size_t row = 0; row < target->rows; row += band->rows) {
          pass(row * kernel_rows);
          band->data = target->data + row * (target->bytes() / target->rows);
          step();
        }
      },
      std::move(images));
  return target;
}

/// LibTorch refuses other windows with its own words.
void require_usual(const Layer& layer, const PixelImage& source) {
  constexpr std::int64_t longest = 1 << 15;
  const std::array<std::size_t, 2> lengths{source.rows, source.columns};
  for (const std::size_t axis : {0, 1}) {
    const std::int64_t kernel = layer.window.kernel[axis];
    const std::int64_t padding = layer.window.padding[axis];
    const std::int64_t most_padding = layer.kind == LayerKind::conv ? longest : kernel / 2;
    if (kernel < 1 || layer.window.stride[axis] < 1 || padding < 0 || padding > most_padding ||
        static_cast<std::int64_t>(lengths[axis]) + 2 * padding < kernel) {
      throw std::invalid_argument("a window of no or more than all pixels");
    }
  }
}

/// The image that a convolution or pooling of `source` makes.
Image OneDnnPlan::target_of(std::size_t i, const PixelImage& source) const {
  const Layer& layer = graph_.layers[i];
  require_usual(layer, source);
  const auto reach = [&](std::size_t length, std::size_t axis) {
    const auto padded_length = static_cast<std::int64_t>(length) + 2 * layer.window.padding[axis];
    return static_cast<std::size_t>(
        (padded_length - layer.window.kernel[axis]) / layer.window.stride[axis] + 1);
  };
  const Image target = new_image(reach(source.rows, 0), reach(source.columns, 1),
                                 static_cast<std::size_t>(layer.channels), keeps_bf16(i));
  if (layer.kind != LayerKind::conv) {
    target->lanes = source.lanes;
  }
  return target;
}

void OneDnnPlan::compile_mean(std::size_t i) {
  const Image image = image_of(value_of(graph_.layers[i].inputs[0]), false);
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
        if (!weights.defined()) {
          std::transform(input->begin(), input->end(), result->begin(),
                         [](float x) { return x < 0.0F ? 0.0F : x; });
          return;
        }
        // Not a BLAS, which wakes threads of its own for these few numbers.
        for (std::size_t k = 0; k < result->size(); ++k) {
          const float* row = weights.data_ptr<float>() + k * input->size();
          const double start = bias.data_ptr<float>()[k];
          (*result)[k] =
              static_cast<float>(std::inner_product(input->begin(), input->end(), row, start));
        }
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
  const Image image = image_of(value_of(last), false);
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
