// The pixels of a chosen series as a float32 volume.
#include "dicom_pixels.hpp"

#include "decoder_output.hpp"
#include "pixel_extent.hpp"

#include <gdcmImage.h>
#include <gdcmImageReader.h>
#include <gdcmSequenceOfFragments.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace cordlesion::io {
namespace {

Error bad_pixels(const char* code, const std::string& name, const std::string& what) {
  return case_error(Stage::read, code, name + ": " + what, "export or copy the file again");
}

std::size_t frame_bytes(const PixelLayout& layout) {
  return layout.rows * layout.columns * (layout.bits_allocated / 8);
}

void check_length(const gdcm::Image& image, std::size_t needed, const std::string& name,
                  std::vector<Warning>& warnings) {
  const gdcm::DataElement& element = image.GetDataElement();
  const gdcm::ByteValue* value = element.GetByteValue();
  if (value == nullptr) { // encapsulated: the decoder finds out
    return;
  }
  const std::size_t found = value->GetLength();
  const std::string text =
      std::to_string(found) + " bytes of pixels, " + std::to_string(needed) + " expected";
  if (found < needed) {
    throw bad_pixels("pixel_data_short", name, text);
  }
  if (found > needed + 1) { // one more is the pad to an even length
    warnings.push_back({"pixel_data_long", name + ": " + text + "; the rest is ignored"});
  }
}

/// As far as a decoder said why.
std::string said(const std::optional<DecoderMessage>& message) {
  return message ? "; the decoder says: " + message->text : "";
}

/// The pixels of a file whose size has been found to be as the header announces.
std::vector<char> decompressed(const gdcm::Image& image, std::size_t needed,
                               const DecoderOutput& output, const std::string& name,
                               std::vector<Warning>& warnings) {
  std::vector<char> raw(needed);
  const bool decoded = image.GetBuffer(raw.data());
  const std::optional<DecoderMessage> message = output.first_message();
  if (!decoded || (message && message->pixels_lost)) {
    throw bad_pixels("pixel_data_corrupt", name, "the pixels cannot be decoded" + said(message));
  }
  if (message) {
    warnings.push_back({"decoder_warning", name + said(message)});
  }
  return raw;
}

/// All frames of a file as they are stored, little endian, decompressed.
std::vector<char> decode(const std::filesystem::path& file, const std::string& name,
                         const PixelLayout& layout, std::vector<Warning>& warnings) {
  const std::size_t needed = frame_bytes(layout) * layout.frames;
  const DecoderOutput output;
  gdcm::ImageReader reader;
  reader.SetFileName(file.c_str());
  try {
    if (!reader.Read()) {
      throw bad_pixels("pixel_data_unreadable", name,
                       "the pixels cannot be read" + said(output.first_message()));
    }
    const gdcm::Image& image = reader.GetImage();
    const bool encapsulated = image.GetDataElement().GetByteValue() == nullptr;
    const unsigned frames = image.GetNumberOfDimensions() > 2 ? image.GetDimension(2) : 1;
    if (!encapsulated) {
      check_length(image, needed, name, warnings);
    }
    if (image.GetColumns() != layout.columns || image.GetRows() != layout.rows ||
        frames != layout.frames || image.GetBufferLength() != needed) {
      throw bad_pixels("pixel_data_mismatch", name,
                       "the pixels are not of the size that the header announces");
    }
    return decompressed(image, needed, output, name, warnings);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) { // its text may hold values of the header
    throw bad_pixels("pixel_data_unreadable", name,
                     "the pixels cannot be read" + said(output.first_message()));
  }
}

/// What a stored value means.
float scaled(std::int64_t value, const DicomFrame& frame) {
  return static_cast<float>(static_cast<double>(value) * frame.slope + frame.intercept);
}

template <typename Stored> void convert(const char* raw, const DicomFrame& frame, float* out) {
  const PixelLayout& layout = frame.layout;
  const std::uint64_t mask = (std::uint64_t{1} << layout.bits_stored) - 1;
  const std::uint64_t sign = std::uint64_t{1} << (layout.bits_stored - 1);
  const std::size_t count = layout.rows * layout.columns;
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored{};
    std::memcpy(&stored, raw + i * sizeof(Stored), sizeof(Stored));
    const std::uint64_t bits = std::uint64_t{stored} & mask;
    auto value = static_cast<std::int64_t>(bits);
    if (layout.is_signed && (bits & sign) != 0) {
      value -= static_cast<std::int64_t>(mask) + 1;
    }
    out[i] = scaled(value, frame);
  }
}

void convert_frame(const char* raw, const DicomFrame& frame, float* out) {
  switch (frame.layout.bits_allocated) {
  case 8:
    return convert<std::uint8_t>(raw, frame, out);
  case 16:
    return convert<std::uint16_t>(raw, frame, out);
  default: // 32: the header's check admits no other
    return convert<std::uint32_t>(raw, frame, out);
  }
}

/// Frames of one file with the slices they become.
using FramesOfFile = std::map<std::size_t, std::vector<std::pair<const DicomFrame*, float*>>>;

/// Padding farther from all that was acquired than this reaches, -32768 for example, would decide
/// the normalisation; it becomes the darkest acquired value. One near them, such as 0, stays.
void replace_padding(const FramesOfFile& wanted, std::size_t slice_size,
                     std::vector<Warning>& warnings) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  float low = infinity;
  float high = -infinity;
  const auto for_all = [&](const auto& act) {
    for (const auto& [file, frames] : wanted) {
      for (const auto& [frame, target] : frames) {
        const auto [first, last] =
            frame->padding.value_or(std::pair<std::int64_t, std::int64_t>{1, 0});
        const auto [from, to] = std::minmax({scaled(first, *frame), scaled(last, *frame)});
        for (std::size_t i = 0; i < slice_size; ++i) {
          act(target[i], frame->padding && target[i] >= from && target[i] <= to);
        }
      }
    }
  };
  for_all([&](float voxel, bool padding) {
    if (!padding) {
      low = std::min(low, voxel);
      high = std::max(high, voxel);
    }
  });
  const float range = high - low;
  std::size_t replaced = 0;
  const auto& first = wanted.begin()->second.front();
  const float darkest = first.first->layout.photometric == "MONOCHROME1" ? high : low;
  for_all([&](float& voxel, bool padding) {
    if (padding && low <= high && (voxel < low - range || voxel > high + range)) {
      voxel = darkest;
      ++replaced;
    }
  });
  if (replaced > 0) {
    warnings.push_back({"pixel_padding", std::to_string(replaced) +
                                             " voxels hold the PixelPaddingValue and were set to "
                                             "the darkest of the others"});
  }
}

void warn_of_scaling(const StudyCandidate& series, std::vector<Warning>& warnings) {
  for (const DicomFrame& frame : series.frames) {
    if (frame.slope < 0) {
      warnings.push_back({"negative_slope", frame.name + ": RescaleSlope is negative; applied"});
      return;
    }
  }
}

void invert_if_monochrome1(const StudyCandidate& series, std::vector<float>& voxels,
                           std::vector<Warning>& warnings) {
  std::set<std::string> photometric;
  for (const DicomFrame& frame : series.frames) {
    photometric.insert(frame.layout.photometric);
  }
  if (photometric.size() > 1) {
    throw bad_pixels("photometric_differs", series.frames.front().name,
                     "slices of one series are MONOCHROME1 and MONOCHROME2");
  }
  if (*photometric.begin() == "MONOCHROME1") {
    const auto [low, high] = std::minmax_element(voxels.begin(), voxels.end());
    const float sum = *low + *high;
    for (float& voxel : voxels) {
      voxel = sum - voxel;
    }
    warnings.push_back(
        {"monochrome1", "the series is stored inverted (MONOCHROME1); inverted back"});
  }
}

/// A slice that is there twice must be the same both times.
void compare_duplicates(const StudyCandidate& series, const std::vector<float>& voxels,
                        const std::vector<float>& extra, std::vector<Warning>& warnings) {
  const StackGeometry& geometry = series.geometry;
  const std::size_t slice_size = geometry.grid.size[0] * geometry.grid.size[1];
  for (std::size_t i = 0; i < geometry.duplicates.size(); ++i) {
    const auto [slice, duplicate] = geometry.duplicates[i];
    const float* first = voxels.data() + geometry.place[slice] * slice_size;
    if (!std::equal(first, first + slice_size, extra.data() + i * slice_size)) {
      throw case_error(Stage::read, "duplicate_slice",
                       series.frames[geometry.order[slice]].name + " and " +
                           series.frames[duplicate].name +
                           " lie at one position with different pixels",
                       "take the one that does not belong to the series out of the folder");
    }
  }
  if (!geometry.duplicates.empty()) {
    const auto [slice, duplicate] = geometry.duplicates.front();
    warnings.push_back({"duplicate_slice",
                        std::to_string(geometry.duplicates.size()) +
                            " slice(s) present more than once with the same pixels were dropped, "
                            "the first being " +
                            series.frames[duplicate].name + " (as " +
                            series.frames[geometry.order[slice]].name + ")"});
  }
}

} // namespace

Image read_pixels(const StudyCandidate& series, const std::vector<std::filesystem::path>& files,
                  const std::vector<std::string>& names, const NoteFile& note,
                  std::vector<Warning>& warnings) {
  const StackGeometry& geometry = series.geometry;
  const std::size_t slice_size = geometry.grid.size[0] * geometry.grid.size[1];
  std::vector<float> voxels(voxel_count(geometry.grid));
  std::vector<float> extra(slice_size * geometry.duplicates.size());
  FramesOfFile wanted;
  for (std::size_t slice = 0; slice < geometry.order.size(); ++slice) {
    const DicomFrame& frame = series.frames[geometry.order[slice]];
    wanted[frame.file].emplace_back(&frame, voxels.data() + geometry.place[slice] * slice_size);
  }
  for (std::size_t i = 0; i < geometry.duplicates.size(); ++i) {
    const DicomFrame& frame = series.frames[geometry.duplicates[i].second];
    wanted[frame.file].emplace_back(&frame, extra.data() + i * slice_size);
  }
  for (const auto& [file, frames] : wanted) {
    note(names[file]);
    const PixelLayout& layout = frames.front().first->layout;
    require_complete_pixels(files[file], names[file], *frames.front().first);
    const std::vector<char> raw = decode(files[file], names[file], layout, warnings);
    for (const auto& [frame, target] : frames) {
      convert_frame(raw.data() + frame->number * frame_bytes(layout), *frame, target);
    }
  }
  const auto has_padding = [](const DicomFrame& frame) { return frame.padding.has_value(); };
  if (std::any_of(series.frames.begin(), series.frames.end(), has_padding)) {
    replace_padding(wanted, slice_size, warnings);
  }
  compare_duplicates(series, voxels, extra, warnings);
  warn_of_scaling(series, warnings);
  invert_if_monochrome1(series, voxels, warnings);
  return {geometry.grid, std::move(voxels)};
}

} // namespace cordlesion::io
