// Which image lies where in memory.
#include "image_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <new>
#include <utility>

namespace cordlesion::inference {
namespace {

using Image = std::shared_ptr<PixelImage>;

/// Blocks of memory; of those that are large enough, the one released last is taken, as it may
/// still be in a cache.
class Blocks {
 public:
  void place(PixelImage& image) {
    // A load may reach a few lanes beyond the last pixel.
    const std::size_t bytes = image.bytes() + 64;
    const auto last = std::find_if(free_.rbegin(), free_.rend(),
                                   [&](std::byte* block) { return sizes_.at(block) >= bytes; });
    if (last != free_.rend()) {
      image.data = *last;
      free_.erase(std::next(last).base());
      return;
    }
    blocks_.push_back(aligned_bytes(bytes));
    image.data = blocks_.back().get();
    sizes_[image.data] = bytes;
  }

  void release(const PixelImage& image) { free_.push_back(image.data); }

  std::vector<AlignedBytes> all() { return std::move(blocks_); }

 private:
  std::vector<AlignedBytes> blocks_;
  std::vector<std::byte*> free_;
  std::map<std::byte*, std::size_t> sizes_;
};

} // namespace

void FreeBytes::operator()(std::byte* bytes) const {
  std::free(bytes);
}

AlignedBytes aligned_bytes(std::size_t bytes) {
  constexpr std::size_t line = 64;
  constexpr std::size_t huge_page = std::size_t{2} << 20U;
  const std::size_t alignment = bytes < huge_page ? line : huge_page;
  const std::size_t size = (bytes + alignment - 1) / alignment * alignment;
  auto* data = static_cast<std::byte*>(std::aligned_alloc(alignment, size));
  if (data == nullptr) {
    throw std::bad_alloc();
  }
  if (alignment == huge_page) {
    madvise(data, size, MADV_HUGEPAGE); // fewer misses of the address cache; no matter if refused
  }
  return AlignedBytes(data);
}

std::vector<AlignedBytes> share_memory(const std::vector<PlanStep>& steps) {
  Blocks blocks;
  std::map<Image, std::size_t> last_step;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const Image& image : steps[i].images) {
      last_step[image] = i;
    }
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const Image& image : steps[i].images) {
      if (image->data == nullptr) {
        blocks.place(*image);
      }
    }
    for (const Image& image : steps[i].images) {
      const auto found = last_step.find(image);
      if (found != last_step.end() && found->second == i) {
        blocks.release(*image);
        last_step.erase(found);
      }
    }
  }
  return blocks.all();
}

} // namespace cordlesion::inference
