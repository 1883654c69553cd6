// The four networks of a package: segmentation of slices, classification of lesion-bearing slices.
#include "cordlesion/inference/networks.hpp"

#include "cordlesion/core/error.hpp"
#include "cordlesion/inference/channels.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "device.hpp"
#include "golden.hpp"
#include "network.hpp"
#include "script_module.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

namespace cordlesion::inference {
namespace {

/// Larger batches are no faster and need more memory; a plan takes image by image anyway.
constexpr std::size_t classifier_batch = 8;

/// Runs a network; what LibTorch throws becomes a failure of the case.
at::Tensor run(Network& network, const at::Tensor& images_nchw, Stage stage) {
  try {
    return forward(network, images_nchw);
  } catch (const std::exception& error) {
    throw case_error(
        stage, "network_failed",
        network.path.filename().string() + ": expected a result for an input of shape " +
            shape_text(images_nchw.sizes().vec()) + ", found (" + reason_of(error) + ")",
        "If memory ran out, run fewer processes at a time.");
  }
}

/// The values of a result, refused where a network gave NaN, infinity or another shape.
std::vector<float> finite_values(const Network& network, const at::Tensor& result,
                                 std::size_t expected, Stage stage) {
  const auto* const first = result.data_ptr<float>();
  std::vector<float> values(first, first + result.numel());
  const auto finite = [](float value) { return std::isfinite(value); };
  if (values.size() != expected || !std::all_of(values.begin(), values.end(), finite)) {
    throw case_error(stage, "network_output_not_finite",
                     network.path.filename().string() + ": expected " + std::to_string(expected) +
                         " finite values, found NaN, infinity or another count",
                     "Look at the image: are its intensities unusual? Try --precision fp32.");
  }
  return values;
}

template <typename T>
void require_stack(const NetworkStack<T>& stack, std::size_t slices, std::size_t size) {
  if (stack.size != size || stack.slices != slices ||
      stack.pixels.size() != slices * stack.slice_size()) {
    throw std::invalid_argument("network stack does not have the size of the networks' input");
  }
}

/// Logits [slice][class] of one batch.
std::vector<float> batch_logits(Network& network, const std::vector<ChannelRole>& channels,
                                const NetworkStack<float>& images,
                                const NetworkStack<std::uint8_t>& masks,
                                const std::vector<std::size_t>& slices) {
  const auto size = static_cast<std::int64_t>(images.size);
  const at::Tensor batch = at::empty({static_cast<std::int64_t>(slices.size()),
                                      static_cast<std::int64_t>(channels.size()), size, size},
                                     at::kFloat);
  auto* target = batch.data_ptr<float>();
  for (const std::size_t slice : slices) {
    for (const ChannelRole role : channels) {
      fill_channel(role, images, masks, slice, target);
      target += images.slice_size();
    }
  }
  return finite_values(network, run(network, batch, Stage::classify), slices.size() * 2,
                       Stage::classify);
}

/// Softmax of two logits, second class.
double second_probability(float first_logit, float second_logit) {
  return 1.0 / (1.0 + std::exp(static_cast<double>(first_logit) - second_logit));
}

} // namespace

struct Networks::Impl {
  Manifest manifest;
  std::filesystem::path folder;
  std::string device;
  Network segmenter;
  std::map<Node, Network> classifiers;

  std::vector<float> logits(Node node, const NetworkStack<float>& images,
                            const NetworkStack<std::uint8_t>& masks,
                            const std::vector<std::size_t>& slices);
  NetworkStack<float> probabilities(const NetworkStack<float>& images);
  void set_bf16(bool bf16);
};

std::vector<float> Networks::Impl::logits(Node node, const NetworkStack<float>& images,
                                          const NetworkStack<std::uint8_t>& masks,
                                          const std::vector<std::size_t>& slices) {
  require_stack(images, images.slices, manifest.input_size);
  require_stack(masks, images.slices, manifest.input_size);
  for (const std::size_t slice : slices) {
    if (slice >= images.slices) {
      throw std::invalid_argument("slice to classify lies outside the stack");
    }
  }
  const auto& channels = manifest.classifiers.at(node).channels;
  std::vector<float> all;
  for (std::size_t start = 0; start < slices.size(); start += classifier_batch) {
    const auto first = slices.begin() + static_cast<std::ptrdiff_t>(start);
    const auto count = std::min(classifier_batch, slices.size() - start);
    const std::vector<std::size_t> batch(first, first + static_cast<std::ptrdiff_t>(count));
    const auto values = batch_logits(classifiers.at(node), channels, images, masks, batch);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

NetworkStack<float> Networks::Impl::probabilities(const NetworkStack<float>& images) {
  require_stack(images, images.slices, manifest.input_size);
  const auto size = static_cast<std::int64_t>(images.size);
  NetworkStack<float> result{.slices = images.slices, .size = images.size, .pixels = {}};
  result.pixels.reserve(images.pixels.size());
  for (std::size_t slice = 0; slice < images.slices; ++slice) {
    const at::Tensor image = at::empty({1, 1, size, size}, at::kFloat);
    std::copy_n(images.slice(slice), images.slice_size(), image.data_ptr<float>());
    const auto values = finite_values(segmenter, run(segmenter, image, Stage::segment),
                                      images.slice_size(), Stage::segment);
    result.pixels.insert(result.pixels.end(), values.begin(), values.end());
  }
  return result;
}

void Networks::Impl::set_bf16(bool bf16) {
  segmenter.bf16 = bf16;
  for (auto& [node, network] : classifiers) {
    network.bf16 = bf16;
  }
}

Networks::Networks(const ModelPackage& package, const NetworkOptions& options)
    : impl_(std::make_unique<Impl>()) {
  const Manifest& manifest = package.manifest;
  const c10::Device device = resolve_device(options.device);
  const bool bf16 = resolve_bf16(options.precision, device, manifest.bf16_agrees);
  const auto size = static_cast<std::int64_t>(manifest.input_size);
  impl_->manifest = manifest;
  impl_->folder = package.folder;
  impl_->device = device.str();
  const Execution execution{.device = device, .bf16 = bf16, .engine = options.engine};
  std::vector<std::filesystem::path> files{package.folder / manifest.segmenter.file.file};
  for (const auto& [node, classifier] : manifest.classifiers) {
    files.push_back(package.folder / classifier.file.file);
  }
  ScriptLoader scripts(std::move(files), device);
  impl_->segmenter = load_segmenter(scripts.next(), execution, size);
  for (const auto& [node, classifier] : manifest.classifiers) {
    impl_->classifiers.emplace(
        node, load_classifier(scripts.next(), execution, size,
                              static_cast<std::int64_t>(classifier.channels.size())));
  }
}

Networks::~Networks() = default;

NetworkStack<float> Networks::segment(const NetworkStack<float>& images) {
  return impl_->probabilities(images);
}

std::vector<double> Networks::classify(Node node, const NetworkStack<float>& images,
                                       const NetworkStack<std::uint8_t>& masks,
                                       const std::vector<std::size_t>& slices) {
  const std::vector<float> logits = impl_->logits(node, images, masks, slices);
  std::vector<double> probabilities;
  for (std::size_t i = 0; i < logits.size(); i += 2) {
    probabilities.push_back(second_probability(logits[i], logits[i + 1]));
  }
  return probabilities;
}

GoldenCheck Networks::check_golden() {
  const Manifest& manifest = impl_->manifest;
  const Golden golden = load_golden(impl_->folder / manifest.golden.file, manifest.input_size);
  // The expected outputs are those of fp32; in bf16 the question would be another one.
  const bool bf16 = impl_->segmenter.bf16;
  impl_->set_bf16(false);
  GoldenCheck check;
  check.max_segmenter_error =
      largest_difference(impl_->probabilities(golden.image).pixels, golden.segmenter);
  for (const auto& [node, expected] : golden.logits) {
    const auto channels = static_cast<std::int64_t>(manifest.classifiers.at(node).channels.size());
    require_grad_cam(impl_->classifiers.at(node),
                     trial_images(1, channels, static_cast<std::int64_t>(manifest.input_size)));
    check.max_logit_error =
        std::max(check.max_logit_error,
                 largest_difference(impl_->logits(node, golden.image, golden.mask, {0}), expected));
  }
  impl_->set_bf16(bf16);
  check.passed =
      std::max(check.max_segmenter_error, check.max_logit_error) <= manifest.golden_tolerance;
  return check;
}

const std::string& Networks::device() const {
  return impl_->device;
}

const std::string& Networks::precision() const {
  static const std::string bf16 = "bf16";
  static const std::string fp32 = "fp32";
  return impl_->segmenter.bf16 ? bf16 : fp32;
}

std::vector<std::string> Networks::not_compiled() const {
  std::vector<std::string> reasons;
  const auto note = [&](const Network& network) {
    if (!network.layers && !network.why_script.empty()) {
      reasons.push_back(network.path.filename().string() + ": " + network.why_script);
    }
  };
  note(impl_->segmenter);
  for (const auto& [node, network] : impl_->classifiers) {
    note(network);
  }
  return reasons;
}

std::string Networks::engine() const {
  std::size_t planned = impl_->segmenter.layers ? 1 : 0;
  for (const auto& [node, network] : impl_->classifiers) {
    planned += network.layers ? 1 : 0;
  }
  if (planned == 0) {
    return "TorchScript";
  }
  return plan_engine() + (planned > impl_->classifiers.size() ? "" : ", TorchScript");
}

} // namespace cordlesion::inference
