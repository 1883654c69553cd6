// Whether a DICOM file holds all of the pixels that it announces.
#include "pixel_extent.hpp"

#include "worker_process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace cordlesion::io {
namespace {

constexpr std::string_view deflated = "1.2.840.10008.1.2.1.99";
constexpr std::string_view big_endian = "1.2.840.10008.1.2.2";
constexpr std::string_view jpeg_family = "1.2.840.10008.1.2.4.";
constexpr std::uint32_t undefined_length = 0xFFFFFFFF;
constexpr std::uint32_t item_tag = 0xE000FFFE; // as read little endian: group first
constexpr std::uint32_t end_tag = 0xE0DDFFFE;
constexpr std::uint32_t pixel_tag = 0x00107FE0;

/// Random access to a file's bytes.
class FileBytes {
 public:
  explicit FileBytes(const std::filesystem::path& file)
      : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info {};
    if (fd_.get() >= 0 && ::fstat(fd_.get(), &info) == 0) {
      size_ = static_cast<std::uint64_t>(info.st_size);
    }
  }

  std::uint64_t size() const { return size_; }

  /// 0 where the file does not reach.
  std::uint32_t u32(std::uint64_t at, bool big = false) const {
    std::array<unsigned char, 4> b{};
    if (::pread(fd_.get(), b.data(), 4, static_cast<off_t>(at)) != 4) {
      return 0;
    }
    if (big) {
      std::reverse(b.begin(), b.end());
    }
    return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8U |
           static_cast<std::uint32_t>(b[2]) << 16U | static_cast<std::uint32_t>(b[3]) << 24U;
  }

  std::string text(std::uint64_t at, std::size_t length) const {
    std::string bytes(length, '\0');
    const ssize_t got = ::pread(fd_.get(), bytes.data(), length, static_cast<off_t>(at));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

 private:
  Descriptor fd_;
  std::uint64_t size_ = 0;
};

Error short_pixels(const std::string& name, const std::string& what) {
  return case_error(Stage::read, "pixel_data_short", name + ": " + what,
                    "export or copy the file again");
}

/// JPEG decoders make up what follows a missing end mark (FF D9). JPEG 2000 and JPEG-LS decoders
/// fail by themselves, and some JPEG 2000 encoders leave the mark out.
bool needs_end_mark(std::string_view transfer_syntax) {
  for (const std::string_view kind : {"50", "51", "57", "70"}) {
    if (transfer_syntax == std::string(jpeg_family) + std::string(kind)) {
      return true;
    }
  }
  return false;
}

void require_fragments(const FileBytes& bytes, const std::string& name, const DicomFrame& frame) {
  std::uint64_t at = frame.pixel_start;
  std::uint64_t last_end = at;
  while (bytes.u32(at) == item_tag && at + 8 <= bytes.size()) {
    const std::uint32_t length = bytes.u32(at + 4);
    at += 8 + std::uint64_t{length};
    last_end = length > 0 ? at : last_end;
  }
  if (at + 4 > bytes.size() || bytes.u32(at) != end_tag) {
    throw short_pixels(name, "the compressed pixels end before their last fragment does");
  }
  constexpr std::size_t tail = 16;
  if (needs_end_mark(frame.transfer_syntax) &&
      bytes.text(last_end - std::min<std::uint64_t>(last_end, tail), tail).find("\xFF\xD9") ==
          std::string::npos) {
    throw short_pixels(name, "the compressed pixels lack their end mark");
  }
}

} // namespace

void require_complete_pixels(const std::filesystem::path& file, const std::string& name,
                             const DicomFrame& frame) {
  if (frame.transfer_syntax == deflated) { // zlib notices by itself
    return;
  }
  const FileBytes bytes(file);
  const std::uint64_t start = frame.pixel_start;
  const bool big = frame.transfer_syntax == big_endian;
  const std::uint32_t tag = big ? 0x7FE00010 : pixel_tag;
  const bool found = start >= 12 && (bytes.u32(start - 12, big) == tag || // explicit
                                     bytes.u32(start - 8, big) == tag);   // implicit
  if (!found) {
    throw case_error(Stage::read, "pixel_data_missing", name + " holds no pixels",
                     "export or copy the file again");
  }
  const std::uint32_t length = bytes.u32(start - 4, big);
  if (length == undefined_length) {
    require_fragments(bytes, name, frame);
  } else if (start + length > bytes.size()) {
    throw short_pixels(name, std::to_string(bytes.size() - start) + " bytes of pixels, " +
                                 std::to_string(length) + " announced");
  }
}

} // namespace cordlesion::io
