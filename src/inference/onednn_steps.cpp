// Primitives of oneDNN for the layers of a plan.
#ifdef CORDLESION_ONEDNN

#include "onednn_steps.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace cordlesion::inference {
namespace {

using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;
using dnnl::memory;

memory::dim dim(std::size_t length) {
  return static_cast<memory::dim>(length);
}

memory::desc description_of(const PixelImage& image) {
  return {{1, dim(image.lanes), dim(image.rows), dim(image.columns)},
          image.bf16 ? Type::bf16 : Type::f32,
          Tag::nhwc};
}

memory::dims dims(const std::array<std::int64_t, 2>& pair) {
  return {pair[0], pair[1]};
}

/// A later oneDNN may have only its reference for a shape: seconds instead of milliseconds.
void refuse_reference(const char* implementation) {
  if (std::string(implementation).rfind("ref", 0) == 0) {
    throw std::runtime_error("oneDNN has no fast implementation of a layer");
  }
}

/// With zeros for the lanes that are not channels.
at::Tensor padded_weights(const Layer& layer, std::size_t outputs, std::size_t inputs) {
  at::Tensor padded =
      at::zeros({dim(outputs), dim(inputs), layer.window.kernel[0], layer.window.kernel[1]});
  padded.narrow(0, 0, layer.weights.size(0))
      .narrow(1, 0, layer.weights.size(1))
      .copy_(layer.weights);
  return padded;
}

} // namespace

OneDnn::Step OneDnn::convolution(const Layer& layer, const std::shared_ptr<PixelImage>& source,
                                 const std::shared_ptr<PixelImage>& target) {
  at::Tensor weights = padded_weights(layer, target->lanes, source->lanes);
  const memory::desc plain_weights(weights.sizes().vec(), Type::f32, Tag::oihw);
  const memory::desc per_channel({1, dim(target->lanes), 1, 1}, Type::f32, Tag::nchw);
  const memory::desc plain_bias({dim(target->lanes)}, Type::f32, Tag::x);
  const Type type = source->bf16 ? Type::bf16 : Type::f32;

  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  std::unordered_map<int, memory> arguments;
  dnnl::post_ops operations;
  if (layer.inputs.size() > 1) {
    operations.append_sum();
  }
  if (layer.relu) {
    operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  }
  const auto append = [&](dnnl::algorithm algorithm, const at::Tensor& values) {
    operations.append_binary(algorithm, per_channel);
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(operations.len() - 1) | DNNL_ARG_SRC_1,
                      padded_memory(values, per_channel));
  };
  if (layer.scale.defined()) {
    append(dnnl::algorithm::binary_mul, layer.scale);
    append(dnnl::algorithm::binary_add, layer.shift);
  }
  attributes.set_post_ops(operations);
  const dnnl::convolution_forward::primitive_desc description(
      {dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
       description_of(*source), memory::desc(weights.sizes().vec(), type, Tag::any), plain_bias,
       description_of(*target), dims(layer.window.stride), dims(layer.window.padding),
       dims(layer.window.padding)},
      attributes, engine_);
  refuse_reference(description.impl_info_str());

  memory given(plain_weights, engine_, weights.data_ptr<float>());
  memory wanted(description.weights_desc(), engine_);
  dnnl::reorder(given, wanted).execute(stream_, given, wanted);
  stream_.wait();
  arguments.emplace(DNNL_ARG_WEIGHTS, wanted);
  arguments.emplace(DNNL_ARG_BIAS, padded_memory(layer.bias, plain_bias));
  return step(dnnl::convolution_forward(description), description, std::move(arguments), source,
              target);
}

/// Numbers of the channels, and zeros for the lanes that are none.
memory OneDnn::padded_memory(const at::Tensor& values, const memory::desc& description) {
  memory result(description, engine_);
  auto* numbers = static_cast<float*>(result.get_data_handle());
  const at::Tensor plain = values.to(at::kFloat).contiguous();
  std::fill(std::copy_n(plain.data_ptr<float>(), plain.numel(), numbers),
            numbers + description.get_size() / sizeof(float), 0.0F);
  return result;
}

OneDnn::Step OneDnn::pooling(const Layer& layer, const std::shared_ptr<PixelImage>& source,
                             const std::shared_ptr<PixelImage>& target) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto algorithm = layer.kind == LayerKind::max_pool
                             ? dnnl::algorithm::pooling_max
                             : dnnl::algorithm::pooling_avg_exclude_padding;
  const dnnl::pooling_forward::primitive_desc description(
      {dnnl::prop_kind::forward_inference, algorithm, description_of(*source),
       description_of(*target), dims(layer.window.stride), dims(layer.window.kernel),
       dims(layer.window.padding), dims(layer.window.padding)},
      attributes, engine_);
  refuse_reference(description.impl_info_str());
  return step(dnnl::pooling_forward(description), description, {}, source, target);
}

OneDnn::Step OneDnn::step(const dnnl::primitive& primitive, dnnl::primitive_desc_base description,
                          std::unordered_map<int, memory> arguments,
                          const std::shared_ptr<PixelImage>& source,
                          const std::shared_ptr<PixelImage>& target) {
  const memory::desc scratch = description.query_md(dnnl::query::exec_arg_md, DNNL_ARG_SCRATCHPAD);
  if (scratch.get_size() > scratch_bytes_) {
    scratch_bytes_ = scratch.get_size();
    *scratch_ = aligned_bytes(scratch_bytes_);
  }
  const auto unset = [&](const memory::desc& form) {
    return memory(form, engine_, DNNL_MEMORY_NONE);
  };
  arguments.emplace(DNNL_ARG_SRC, unset(description_of(*source)));
  arguments.emplace(DNNL_ARG_DST, unset(description_of(*target)));
  arguments.emplace(DNNL_ARG_SCRATCHPAD, unset(scratch));
  return [primitive, arguments, source, target, bytes = scratch_, stream = stream_]() mutable {
    arguments[DNNL_ARG_SRC].set_data_handle(source->data);
    arguments[DNNL_ARG_DST].set_data_handle(target->data);
    arguments[DNNL_ARG_SCRATCHPAD].set_data_handle(bytes->get());
    primitive.execute(stream, arguments);
    stream.wait();
  };
}

void interleave(const float* planes, PixelImage& image) {
  const std::size_t width = image.columns * image.lanes;
  const std::vector<float> ones(width, 1.0F);
  const std::vector<float> zeros(width, 0.0F);
  const ChannelStep nothing{ones.data(), zeros.data(), -std::numeric_limits<float>::infinity()};
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(width);
    for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
      for (std::size_t channel = 0; channel < image.channels; ++channel) {
        const float* source = planes + (channel * image.rows + row) * image.columns;
        for (std::size_t column = 0; column < image.columns; ++column) {
          values[column * image.lanes + channel] = source[column];
        }
      }
      with_numbers(image, [&]<typename Target>(Target* numbers) {
        combine(PixelRun<float, Target>{.source = values.data(),
                                        .added = zeros.data(),
                                        .target = numbers + row * width,
                                        .pixels = 1,
                                        .lanes = width},
                {nothing, nothing});
      });
    }
  };
  at::parallel_for(0, dim(image.rows), 1, rows);
}

void separate(const PixelImage& image, float* planes) {
  const std::size_t pixels = image.rows * image.columns;
  const auto* values = reinterpret_cast<const float*>(image.data);
  for (std::size_t channel = 0; channel < image.channels; ++channel) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      planes[channel * pixels + pixel] = values[pixel * image.lanes + channel];
    }
  }
}

void mean_of_pixels(const PixelImage& image, std::vector<float>& means) {
  const std::size_t pixels = image.rows * image.columns;
  const auto* values = reinterpret_cast<const float*>(image.data);
  std::vector<double> sums(means.size(), 0); // a sum of fp32 drifts over thousands of pixels
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t channel = 0; channel < means.size(); ++channel) {
      sums[channel] += values[pixel * image.lanes + channel];
    }
  }
  std::transform(sums.begin(), sums.end(), means.begin(), [pixels](double sum) {
    return static_cast<float>(sum / static_cast<double>(pixels));
  });
}

} // namespace cordlesion::inference

#endif
