// Convolutions and poolings by oneDNN on images with their channels innermost.
#pragma once

#include "image_memory.hpp"
#include "layer_graph.hpp"
#include "pixel_value.hpp"

#include <dnnl.hpp>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace cordlesion::inference {

/// Makes steps that read `source` and write `target`, whose data may be set later. Its own memory
/// (weights, scratch) must outlive the steps. Throws dnnl::error, and std::runtime_error where
/// oneDNN has but its slow reference implementation.
class OneDnn {
 public:
  using Step = std::function<void()>;

  /// A layer with a second input adds to what `target` holds by then.
  Step convolution(const Layer& layer, const std::shared_ptr<PixelImage>& source,
                   const std::shared_ptr<PixelImage>& target);
  Step pooling(const Layer& layer, const std::shared_ptr<PixelImage>& source,
               const std::shared_ptr<PixelImage>& target);

 private:
  dnnl::memory padded_memory(const at::Tensor& values, const dnnl::memory::desc& description);
  Step step(const dnnl::primitive& primitive, dnnl::primitive_desc_base description,
            std::unordered_map<int, dnnl::memory> arguments,
            const std::shared_ptr<PixelImage>& source, const std::shared_ptr<PixelImage>& target);

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::size_t scratch_bytes_ = 0;
  std::shared_ptr<AlignedBytes> scratch_ = std::make_shared<AlignedBytes>(); ///< of all steps
};

/// Planes of fp32 to an image with its channels innermost, and back.
void interleave(const float* planes, PixelImage& image);
void separate(const PixelImage& image, float* planes);

/// Of each channel of an fp32 image.
void mean_of_pixels(const PixelImage& image, std::vector<float>& means);

} // namespace cordlesion::inference
