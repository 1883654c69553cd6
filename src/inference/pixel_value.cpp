// One pass over the pixels for everything between two convolutions.
#include "pixel_value.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace cordlesion::inference {
namespace {

using Image = std::shared_ptr<PixelImage>;

class Pass {
 public:
  Pass(PixelValue value, Image target)
      : value_(std::move(value)), target_(std::move(target)), zeros_(target_->lanes, 0.0F) {
    for (PixelStep& step : value_.steps) {
      step.scale.resize(target_->lanes, step.scale.empty() ? 1.0F : 0.0F);
      step.shift.resize(target_->lanes, 0.0F);
    }
  }

  void run(std::size_t first_row) const {
    at::parallel_for(0, static_cast<std::int64_t>(target_->rows), 1,
                     [=, this](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t row = begin; row < end; ++row) {
                         run_row(first_row, static_cast<std::size_t>(row));
                       }
                     });
  }

 private:
  /// `row` counts from `first_row` on.
  void run_row(std::size_t first_row, std::size_t row) const {
    std::size_t offset = 0;
    for (const PixelPart& part : value_.parts) {
      const bool last = &part == &value_.parts.back();
      const std::size_t room = target_->lanes - offset;
      // What fills up the pixels of the images fills up those of the target.
      const bool fills = last && !part.shuffled && part.image->lanes >= room &&
                         (!value_.added || value_.added->lanes == target_->lanes);
      const std::size_t lanes = fills ? room : part.channels;
      run_part(part, first_row + row, row, {offset, lanes});
      offset += lanes;
    }
    if (offset < target_->lanes) {
      fill_up(row, offset);
    }
  }

  struct Lanes {
    std::size_t offset;
    std::size_t count;
  };

  void run_part(const PixelPart& part, std::size_t row, std::size_t target_row, Lanes lanes) const {
    const PixelImage& image = *part.image;
    const std::size_t step = part.shuffled ? 2 : 1;
    const std::size_t added_stride = value_.added ? value_.added->lanes : 0;
    const void* added = value_.added ? static_cast<const void*>(value_.added->data) : zeros_.data();
    with_numbers(image, [&]<typename Source>(const Source* source) {
      with_numbers(*target_, [&]<typename Target>(Target* target) {
        for (std::size_t first = 0; first < step; ++first) {
          const std::size_t group = part.shuffled ? row % 2 * 2 + first : 0;
          const std::size_t pixel = row * value_.columns + first;
          const std::size_t target_pixel = target_row * value_.columns + first;
          combine(
              PixelRun<Source, Target>{
                  .source =
                      source + row / step * image.columns * image.lanes + group * part.channels,
                  .source_stride = image.lanes,
                  .added = static_cast<const Source*>(added) + pixel * added_stride + lanes.offset,
                  .added_stride = step * added_stride,
                  .target = target + target_pixel * target_->lanes + lanes.offset,
                  .target_stride = step * target_->lanes,
                  .pixels = value_.columns / step,
                  .lanes = lanes.count},
              {step_from(0, lanes.offset), step_from(1, lanes.offset)});
        }
      });
    });
  }

  ChannelStep step_from(std::size_t index, std::size_t offset) const {
    const PixelStep& step = value_.steps[index];
    return {step.scale.data() + offset, step.shift.data() + offset, step.floor};
  }

  void fill_up(std::size_t row, std::size_t offset) const {
    with_numbers(*target_, [&](auto* numbers) {
      for (std::size_t column = 0; column < target_->columns; ++column) {
        auto* pixel = numbers + (row * target_->columns + column) * target_->lanes;
        std::fill(pixel + offset, pixel + target_->lanes, 0);
      }
    });
  }

  PixelValue value_;
  Image target_;
  std::vector<float> zeros_; ///< added where there is nothing to add
};

} // namespace

PixelValue::PixelValue(const Image& image)
    : rows(image->rows), columns(image->columns),
      channels(image->channels), parts{{image, image->channels}} {}

Image PixelValue::image() const {
  return only_parts() && parts.size() == 1 && !parts[0].shuffled ? parts[0].image : nullptr;
}

bool PixelValue::scale(const std::vector<float>& scale, const std::vector<float>& shift) {
  if (steps[1].changes()) {
    return false;
  }
  PixelStep& step = steps[added || steps[0].changes() ? 1 : 0];
  step.scale = scale;
  step.shift = shift;
  return true;
}

bool PixelValue::add(const PixelValue& other) {
  const Image image = other.image();
  const bool fits = image && !added && steps[0].floor != 0 && !steps[1].changes() &&
                    std::all_of(parts.begin(), parts.end(), [&](const PixelPart& part) {
                      return part.image->bf16 == image->bf16;
                    });
  if (fits) {
    added = image;
  }
  return fits;
}

bool PixelValue::only_parts() const {
  return !added && !steps[0].changes() && !steps[1].changes();
}

void PixelValue::join(const PixelValue& other) {
  parts.insert(parts.end(), other.parts.begin(), other.parts.end());
  channels += other.channels;
}

void PixelValue::clamp_negative() {
  steps[steps[1].changes() ? 1 : 0].floor = 0;
}

std::function<void(std::size_t)> pass_over_pixels(PixelValue value, Image target) {
  return [pass = Pass(std::move(value), std::move(target))](std::size_t first_row) {
    pass.run(first_row);
  };
}

void apply_sigmoid(PixelImage& image) {
  auto* numbers = reinterpret_cast<float*>(image.data);
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    const std::size_t width = image.columns * image.lanes;
    for (float* pixel = numbers + static_cast<std::size_t>(begin) * width;
         pixel != numbers + static_cast<std::size_t>(end) * width; pixel += image.lanes) {
      std::transform(pixel, pixel + image.channels, pixel,
                     [](float x) { return 1.0F / (1.0F + std::exp(-x)); });
    }
  };
  at::parallel_for(0, static_cast<std::int64_t>(image.rows), 1, rows);
}

} // namespace cordlesion::inference
