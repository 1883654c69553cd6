// How the pixels of a DICOM file lie in it.
#pragma once

#include "cordlesion/core/error.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace gdcm {
class DataSet;
}

namespace cordlesion::io {

struct PixelLayout {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t frames = 1;
  unsigned samples_per_pixel = 1;
  unsigned bits_allocated = 0;
  unsigned bits_stored = 0;
  unsigned high_bit = 0;
  bool is_signed = false;
  std::string photometric;
};

PixelLayout read_layout(const gdcm::DataSet& data);

/// Why pixels cannot lie like this, or would be too many; none if they can.
std::optional<Warning> layout_fault(const PixelLayout& layout, const std::string& name);

} // namespace cordlesion::io
