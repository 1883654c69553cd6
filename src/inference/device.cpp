// Where and how precisely networks run.
#include "device.hpp"

#include "cordlesion/core/error.hpp"
#include "cordlesion/inference/runtime.hpp"

#include <ATen/autocast_mode.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace cordlesion::inference {
namespace {

/// The N of `cuda:N`, 0 for `cuda`.
std::optional<int> cuda_index(std::string_view name) {
  if (name == "cuda") {
    return 0;
  }
  constexpr std::string_view prefix = "cuda:";
  if (name.substr(0, prefix.size()) != prefix) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(prefix.size());
  int index = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc{} || end != digits.data() + digits.size() || index < 0 ||
      index > std::numeric_limits<c10::DeviceIndex>::max()) {
    return std::nullopt;
  }
  return index;
}

/// LibTorch 2.4 replaced one function per device by functions that take the device.
void set_autocast(c10::DeviceType type, bool enabled) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
  at::autocast::set_autocast_enabled(type, enabled);
  at::autocast::set_autocast_dtype(type, at::kBFloat16);
#else
  if (type == c10::kCUDA) {
    at::autocast::set_enabled(enabled);
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
  } else {
    at::autocast::set_cpu_enabled(enabled);
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  }
#endif
}

} // namespace

c10::Device resolve_device(const std::string& name) {
  const std::size_t gpus = torch::cuda::is_available() ? torch::cuda::device_count() : 0;
  if (name == "cpu" || (name == "auto" && gpus == 0)) {
    return {c10::kCPU};
  }
  const auto index = name == "auto" ? 0 : cuda_index(name);
  if (!index) {
    throw usage_error("--device: expected auto, cpu, cuda or cuda:N, found `" + name + "`");
  }
  if (static_cast<std::size_t>(*index) >= gpus) {
    throw usage_error("--device: expected a device that exists, found `" + name + "` with " +
                          std::to_string(gpus) + " CUDA devices here",
                      "Use --device cpu, or a LibTorch with CUDA and a working driver.");
  }
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(*index)};
}

bool resolve_bf16(Precision precision, const c10::Device& device, bool bf16_agrees) {
  switch (precision) {
  case Precision::fp32:
    return false;
  case Precision::bf16:
    if (device.is_cpu() && cpu_bf16() == Bf16Support::none) {
      throw usage_error("--precision bf16: expected a CPU with AVX-512, found one without",
                        "Use --precision fp32, or auto, which takes what the CPU has.");
    }
    return true;
  case Precision::automatic:
    break;
  }
  return bf16_agrees && device.is_cpu() && cpu_bf16() == Bf16Support::fast;
}

Bf16Autocast::Bf16Autocast(const c10::Device& device) : type_(device.type()) {
  set_autocast(type_, true);
}

Bf16Autocast::~Bf16Autocast() {
  set_autocast(type_, false);
  at::autocast::clear_cache();
}

} // namespace cordlesion::inference
