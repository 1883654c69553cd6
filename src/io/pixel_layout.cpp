// How the pixels of a DICOM file lie in it.
#include "pixel_layout.hpp"

#include "dicom_dataset.hpp"
#include "volume_limits.hpp"

#include <cstdint>
#include <vector>

namespace cordlesion::io {

using gdcm::Tag;

namespace {

std::string bits_text(const PixelLayout& layout) {
  return std::to_string(layout.bits_stored) + " of " + std::to_string(layout.bits_allocated) +
         " bits, high bit " + std::to_string(layout.high_bit);
}

} // namespace

PixelLayout read_layout(const gdcm::DataSet& data) {
  PixelLayout layout;
  layout.rows = short_of(data, Tag(0x0028, 0x0010)).value_or(0);
  layout.columns = short_of(data, Tag(0x0028, 0x0011)).value_or(0);
  layout.samples_per_pixel = short_of(data, Tag(0x0028, 0x0002)).value_or(1);
  layout.bits_allocated = short_of(data, Tag(0x0028, 0x0100)).value_or(0);
  layout.bits_stored = short_of(data, Tag(0x0028, 0x0101)).value_or(0);
  layout.high_bit = short_of(data, Tag(0x0028, 0x0102)).value_or(layout.bits_stored - 1);
  layout.is_signed = short_of(data, Tag(0x0028, 0x0103)).value_or(0) != 0;
  const std::vector<std::string> photometric = codes_of(data, Tag(0x0028, 0x0004));
  layout.photometric = photometric.empty() ? "" : photometric.front();
  if (has_value(data, Tag(0x0028, 0x0008))) {
    const double frames = number_of(data, Tag(0x0028, 0x0008)).value_or(0);
    layout.frames = frames >= 0 && frames <= 1e9 ? static_cast<std::size_t>(frames) : 0;
  }
  return layout;
}

std::optional<Warning> layout_fault(const PixelLayout& layout, const std::string& name) {
  if (layout.rows == 0 || layout.columns == 0 || layout.frames == 0) {
    return Warning{"bad_dimensions", name + ": Rows, Columns or NumberOfFrames is missing or zero"};
  }
  const unsigned allocated = layout.bits_allocated;
  if ((allocated != 8 && allocated != 16 && allocated != 32) || layout.bits_stored == 0 ||
      layout.bits_stored > allocated) {
    return Warning{"bad_bits", name + ": pixels of " + bits_text(layout) + " are impossible"};
  }
  if (layout.high_bit + 1 != layout.bits_stored) { // GDCM masks the lowest bits all the same
    return Warning{"bad_bits", name + ": pixels of " + bits_text(layout) + ", high bit " +
                                   std::to_string(layout.bits_stored - 1) + " expected"};
  }
  try {
    require_size_within_limit({static_cast<std::int64_t>(layout.columns),
                               static_cast<std::int64_t>(layout.rows),
                               static_cast<std::int64_t>(layout.frames)},
                              name);
  } catch (const Error& error) {
    return Warning{error.code(), error.what()};
  }
  return std::nullopt;
}

} // namespace cordlesion::io
