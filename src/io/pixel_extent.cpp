// Whether a DICOM file holds all of the pixels that it announces.
#include "pixel_extent.hpp"

#include "dicom_meta.hpp"
#include "rle_frame.hpp"
#include "worker_process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace cordlesion::io {
namespace {

constexpr std::string_view big_endian = "1.2.840.10008.1.2.2";
constexpr std::string_view jpeg_family = "1.2.840.10008.1.2.4.";
constexpr std::string_view rle = "1.2.840.10008.1.2.5";
constexpr std::array<std::string_view, 3> uncompressed{"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                                       big_endian};
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

struct Fragment {
  std::uint64_t start = 0;
  std::uint32_t length = 0;
};

/// The items of the pixels behind the first one, which is the offset table.
std::vector<Fragment> fragments_of(const FileBytes& bytes, const std::string& name,
                                   const DicomFrame& frame) {
  std::vector<Fragment> items;
  std::uint64_t at = frame.pixel_start;
  while (bytes.u32(at) == item_tag && at + 8 <= bytes.size()) {
    items.push_back({at + 8, bytes.u32(at + 4)});
    at += 8 + std::uint64_t{items.back().length};
  }
  if (at + 4 > bytes.size() || bytes.u32(at) != end_tag) {
    throw short_pixels(name, "the compressed pixels end before their last fragment does");
  }
  if (!items.empty()) {
    items.erase(items.begin());
  }
  return items;
}

/// GDCM takes each fragment of a multi-frame image for a frame, whatever the offset table says.
void require_one_for_each_frame(const std::vector<Fragment>& fragments, const std::string& name,
                                const DicomFrame& frame) {
  const std::size_t frames = frame.layout.frames;
  if (frames > 1 && fragments.size() != frames) {
    throw case_error(Stage::read, "pixel_data_mismatch",
                     name + ": " + std::to_string(fragments.size()) +
                         " fragments of compressed pixels, " + std::to_string(frames) +
                         " expected, one for each frame",
                     "export the file again, best uncompressed (Explicit VR Little Endian)");
  }
}

void require_end_mark(const FileBytes& bytes, const std::string& name,
                      const std::vector<Fragment>& fragments) {
  std::uint64_t last_end = 0;
  for (const Fragment& fragment : fragments) {
    last_end = fragment.length > 0 ? fragment.start + fragment.length : last_end;
  }
  constexpr std::size_t tail = 16;
  if (bytes.text(last_end - std::min<std::uint64_t>(last_end, tail), tail).find("\xFF\xD9") ==
      std::string::npos) {
    throw short_pixels(name, "the compressed pixels lack their end mark");
  }
}

/// Each frame is one fragment (DICOM PS3.5, A.4.2).
void require_rle_frames(const FileBytes& bytes, const std::string& name,
                        const std::vector<Fragment>& fragments, const PixelLayout& layout) {
  const std::size_t planes = layout.bits_allocated / 8;
  const bool complete =
      fragments.size() == layout.frames &&
      std::all_of(fragments.begin(), fragments.end(), [&](const Fragment& fragment) {
        return rle_frame_is_complete(bytes.text(fragment.start, fragment.length), planes,
                                     layout.rows * layout.columns);
      });
  if (!complete) {
    throw case_error(Stage::read, "pixel_data_corrupt",
                     name + ": the run-length encoded pixels are not as many as Rows x Columns",
                     "export or copy the file again");
  }
}

void require_fragments(const FileBytes& bytes, const std::string& name, const DicomFrame& frame) {
  const std::vector<Fragment> fragments = fragments_of(bytes, name, frame);
  require_one_for_each_frame(fragments, name, frame);
  if (needs_end_mark(frame.transfer_syntax)) {
    require_end_mark(bytes, name, fragments);
  } else if (frame.transfer_syntax == rle) {
    require_rle_frames(bytes, name, fragments, frame.layout);
  }
}

/// GDCM reads pixels of one kind under a transfer syntax of the other, so one of the two is wrong.
void require_kind(bool in_fragments, const std::string& name, const DicomFrame& frame) {
  const std::string& syntax = frame.transfer_syntax;
  const bool plain =
      std::find(uncompressed.begin(), uncompressed.end(), syntax) != uncompressed.end();
  const bool compressed = syntax.starts_with(jpeg_family) || syntax == rle;
  if (in_fragments ? plain : compressed) {
    throw case_error(Stage::read, "pixel_data_mismatch",
                     name + ": the pixels are " + (in_fragments ? "compressed" : "not compressed") +
                         ", transfer syntax " + syntax + " says otherwise",
                     "export or copy the file again");
  }
}

/// The data set of a deflated file. Throws if the stream is damaged or does not end.
std::string inflated(const FileBytes& bytes, const std::string& name) {
  constexpr std::uint64_t meta_start = 144; // preamble, DICM, and the length of the meta header
  const std::uint64_t start = meta_start + bytes.u32(meta_start - 4);
  std::string packed = bytes.text(start, bytes.size() - std::min(bytes.size(), start));
  std::string data(std::size_t{1} << 16, '\0');
  z_stream stream{};
  inflateInit2(&stream, -MAX_WBITS);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  int result = Z_OK;
  while (result == Z_OK) {
    data.resize(std::max<std::size_t>(data.size(), 2 * stream.total_out));
    stream.next_out = reinterpret_cast<Bytef*>(data.data() + stream.total_out);
    stream.avail_out = static_cast<uInt>(data.size() - stream.total_out);
    result = inflate(&stream, Z_NO_FLUSH);
  }
  data.resize(stream.total_out);
  inflateEnd(&stream);
  if (result != Z_STREAM_END) {
    throw short_pixels(name, "the deflated data are damaged or end early");
  }
  return data;
}

/// Whether a data set may go on like this behind its pixels: not at all, or with a later group.
bool may_follow_pixels(std::string_view rest) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(rest.data());
  return rest.empty() || (rest.size() >= 8 && (bytes[0] | bytes[1] << 8) > 0x7FE0);
}

/// The deflate stream has no checksum: where it was damaged, it may end too soon or too late.
void require_deflated_pixels(const FileBytes& bytes, const std::string& name) {
  constexpr std::string_view tag_and_vr("\xE0\x7F\x10\x00O", 5);
  const std::string data = inflated(bytes, name);
  for (std::size_t at = data.find(tag_and_vr); at != std::string::npos && at + 12 <= data.size();
       at = data.find(tag_and_vr, at + 1)) {
    std::uint32_t length = 0;
    std::memcpy(&length, data.data() + at + 8, sizeof length);
    const std::size_t end = at + 12 + length;
    if (end <= data.size() && may_follow_pixels(std::string_view(data).substr(end))) {
      return;
    }
  }
  throw short_pixels(name, "the deflated data do not hold the pixels that they announce");
}

/// GDCM takes bytes of any other kind as they are, in whatever order.
void require_pixel_vr(std::string_view vr, const std::string& name, bool big) {
  if (vr != "OB" && vr != "OW" && (big || vr != "UN")) {
    throw case_error(Stage::read, "pixel_data_corrupt",
                     name + ": the pixels have an unknown value representation, OB or OW expected",
                     "export or copy the file again");
  }
}

} // namespace

void require_complete_pixels(const std::filesystem::path& file, const std::string& name,
                             const DicomFrame& frame) {
  const FileBytes bytes(file);
  if (is_deflated(frame.transfer_syntax)) {
    return require_deflated_pixels(bytes, name);
  }
  const std::uint64_t start = frame.pixel_start;
  const bool big = frame.transfer_syntax == big_endian;
  const std::uint32_t tag = big ? 0x7FE00010 : pixel_tag;
  const bool is_explicit = start >= 12 && bytes.u32(start - 12, big) == tag;
  if (is_explicit) {
    require_pixel_vr(bytes.text(start - 8, 2), name, big);
  } else if (start < 12 || bytes.u32(start - 8, big) != tag) {
    throw case_error(Stage::read, "pixel_data_missing", name + " holds no pixels",
                     "export or copy the file again");
  }
  const std::uint32_t length = bytes.u32(start - 4, big);
  require_kind(length == undefined_length, name, frame);
  if (length == undefined_length) {
    require_fragments(bytes, name, frame);
  } else if (start + length > bytes.size()) {
    throw short_pixels(name, std::to_string(bytes.size() - start) + " bytes of pixels, " +
                                 std::to_string(length) + " announced");
  }
}

} // namespace cordlesion::io
