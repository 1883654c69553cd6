// Whether a run-length encoded frame holds all of its pixels.
#include "rle_frame.hpp"

#include <cstdint>

namespace cordlesion::io {
namespace {

constexpr std::size_t header_bytes = 64; // number of segments and up to 15 offsets
constexpr std::size_t most_segments = 15;

std::uint32_t u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

/// Whether a segment unpacks to that many bytes; what follows them is padding.
bool unpacks_to(std::string_view segment, std::size_t bytes) {
  std::size_t unpacked = 0;
  std::size_t at = 0;
  while (unpacked < bytes && at < segment.size()) {
    const auto code = static_cast<unsigned char>(segment[at]);
    if (code == 128) { // means nothing
      ++at;
      continue;
    }
    const bool literal = code < 128;
    const std::size_t run = literal ? code + 1U : 257U - code;
    at += literal ? 1 + run : 2;
    unpacked += run;
  }
  return unpacked == bytes && at <= segment.size();
}

} // namespace

bool rle_frame_is_complete(std::string_view frame, std::size_t planes, std::size_t pixels) {
  if (frame.size() < header_bytes || planes > most_segments || u32(frame, 0) != planes) {
    return false;
  }
  for (std::size_t i = 1; i <= planes; ++i) {
    const std::size_t begin = u32(frame, 4 * i);
    const std::size_t end = i < planes ? u32(frame, 4 * i + 4) : frame.size();
    if (begin < header_bytes || end < begin || end > frame.size() ||
        !unpacks_to(frame.substr(begin, end - begin), pixels)) {
      return false;
    }
  }
  return true;
}

} // namespace cordlesion::io
