// Where and how precisely networks run.
#pragma once

#include "cordlesion/inference/networks.hpp"

#include <c10/core/Device.h>

#include <string>

namespace cordlesion::inference {

/// `auto`, `cpu`, `cuda` or `cuda:N` as a device that exists here; a usage error otherwise.
c10::Device resolve_device(const std::string& name);

/// Whether to run in bf16. Left to us: only where the package agreed with fp32 when it was exported
/// and this CPU is faster with bf16. A usage error if it is asked for and the CPU cannot.
bool resolve_bf16(Precision precision, const c10::Device& device, bool bf16_agrees);

/// While it lives, convolutions and matrix products on a device run in bf16.
class Bf16Autocast {
 public:
  explicit Bf16Autocast(const c10::Device& device);
  ~Bf16Autocast();
  Bf16Autocast(const Bf16Autocast&) = delete;
  Bf16Autocast& operator=(const Bf16Autocast&) = delete;

 private:
  c10::DeviceType type_;
};

} // namespace cordlesion::inference
