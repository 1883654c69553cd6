// A file's bytes front to back, decompressed where it is gzip, with every fault of the file
// noticed.
#include "byte_source.hpp"

#include "cordlesion/core/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace cordlesion::io {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 18;

Error unreadable(const std::string& name) {
  return case_error(Stage::read, "file_unreadable", name + ": " + std::strerror(errno),
                    "check the file's permissions and the disk");
}

Error corrupt(const std::string& name, const std::string& found) {
  return case_error(Stage::read, "gzip_corrupt", name + ": corrupt gzip data (" + found + ")",
                    "copy or export the file again");
}

} // namespace

struct ByteSource::Inflater {
  z_stream stream{};
  std::vector<unsigned char> input = std::vector<unsigned char>(chunk_bytes);
  bool member_ended = false;

  Inflater() { inflateInit2(&stream, 32 + MAX_WBITS); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream); }
};

ByteSource::ByteSource(const std::filesystem::path& file, std::string name, std::uint64_t start,
                       Encoding encoding)
    : name_(std::move(name)), fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat info {};
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) {
    throw unreadable(name_);
  }
  if (!S_ISREG(info.st_mode)) {
    throw case_error(Stage::read, "not_a_file", name_ + " is not a regular file");
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  file_bytes_ = size - std::min(size, start);
  std::array<unsigned char, 2> magic{};
  const bool peeked = ::pread(fd_, magic.data(), 2, static_cast<off_t>(start)) == 2;
  ::lseek(fd_, static_cast<off_t>(start), SEEK_SET);
  compressed_ = encoding == Encoding::deflated || (peeked && magic[0] == 0x1f && magic[1] == 0x8b);
  if (compressed_) {
    inflater_ = std::make_unique<Inflater>();
  }
}

ByteSource::~ByteSource() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void ByteSource::read(void* target, std::size_t bytes) {
  const std::size_t got = read_some(static_cast<char*>(target), bytes);
  delivered_ += got;
  if (got < bytes) {
    throw case_error(Stage::read, "file_truncated",
                     name_ + " ends after " + std::to_string(delivered_) + " bytes" +
                         (compressed_ ? " (decompressed)" : "") + ", at least " +
                         std::to_string(delivered_ + bytes - got) + " expected",
                     "copy or export the file again");
  }
}

void ByteSource::skip(std::uint64_t bytes) {
  std::vector<char> ignored(std::min<std::uint64_t>(bytes, chunk_bytes));
  while (bytes > 0) {
    const std::size_t step = std::min<std::uint64_t>(bytes, ignored.size());
    read(ignored.data(), step);
    bytes -= step;
  }
}

void ByteSource::require_end() {
  char extra = 0;
  if (read_some(&extra, 1) != 0) {
    throw case_error(Stage::read, "trailing_data",
                     name_ + " goes on after the " + std::to_string(delivered_) +
                         " bytes that its header announces",
                     "copy or export the file again");
  }
}

std::size_t ByteSource::read_some(char* target, std::size_t bytes) {
  std::size_t done = 0;
  while (done < bytes) {
    const std::size_t got = compressed_ ? inflate_some(target + done, bytes - done)
                                        : read_disk(target + done, bytes - done);
    if (got == 0) {
      break;
    }
    done += got;
  }
  return done;
}

std::size_t ByteSource::read_disk(char* target, std::size_t bytes) {
  ssize_t got = 0;
  do {
    got = ::read(fd_, target, bytes);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    throw unreadable(name_);
  }
  return static_cast<std::size_t>(got);
}

/// At the end of a gzip member: true if another one follows, as some compressors write.
bool ByteSource::next_member() {
  z_stream& stream = inflater_->stream;
  auto& input = inflater_->input;
  if (stream.avail_in < 2) { // bring what is left to the front and top up
    std::memmove(input.data(), stream.next_in, stream.avail_in);
    const std::size_t got = read_disk(reinterpret_cast<char*>(input.data()) + stream.avail_in,
                                      input.size() - stream.avail_in);
    stream.next_in = input.data();
    stream.avail_in += static_cast<uInt>(got);
  }
  if (stream.avail_in == 0) {
    return false;
  }
  if (stream.avail_in < 2 || stream.next_in[0] != 0x1f || stream.next_in[1] != 0x8b) {
    throw case_error(Stage::read, "trailing_data",
                     name_ + ": something that is not gzip data follows the gzip data",
                     "copy or export the file again");
  }
  inflateReset(&stream);
  inflater_->member_ended = false;
  return true;
}

std::size_t ByteSource::inflate_some(char* target, std::size_t bytes) {
  z_stream& stream = inflater_->stream;
  const auto wanted = static_cast<uInt>(std::min<std::size_t>(bytes, std::size_t{1} << 30));
  stream.next_out = reinterpret_cast<unsigned char*>(target);
  stream.avail_out = wanted;
  while (stream.avail_out == wanted) {
    if (inflater_->member_ended && !next_member()) {
      return 0;
    }
    if (stream.avail_in == 0) {
      stream.next_in = inflater_->input.data();
      stream.avail_in = static_cast<uInt>(
          read_disk(reinterpret_cast<char*>(stream.next_in), inflater_->input.size()));
      if (stream.avail_in == 0) {
        throw corrupt(name_, "it ends early");
      }
    }
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      inflater_->member_ended = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      throw corrupt(name_, "a block or the checksum is wrong");
    }
  }
  return wanted - stream.avail_out;
}

} // namespace cordlesion::io
