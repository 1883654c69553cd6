// Memory of the images of a plan, shared by those that are not needed at the same time.
#pragma once

#include "pixel_value.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace cordlesion::inference {

struct FreeBytes {
  void operator()(std::byte* bytes) const;
};
using AlignedBytes = std::unique_ptr<std::byte, FreeBytes>;

/// Memory at a multiple of 64 bytes, in huge pages if it is large. Throws std::bad_alloc.
AlignedBytes aligned_bytes(std::size_t bytes);

/// One step of a plan, and the images that must keep their memory until it is done.
struct PlanStep {
  std::function<void()> run;
  std::vector<std::shared_ptr<PixelImage>> images;
};

/// Gives every image its data; what is returned must outlive the steps.
std::vector<AlignedBytes> share_memory(const std::vector<PlanStep>& steps);

} // namespace cordlesion::inference
