// Files that are complete or absent: temporary name, flush, re-read and compare, rename.
#include "cordlesion/io/atomic_file.hpp"

#include "temporary_file.hpp"
#include "worker_process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace cordlesion::io {
namespace {

void write_bytes(const TemporaryFile& file, std::string_view bytes) {
  const Descriptor out(::open(file.path().c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (out.get() < 0) {
    throw file.system_failure();
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(out.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      throw file.system_failure();
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(out.get()) != 0) {
    throw file.system_failure();
  }
}

bool holds(const TemporaryFile& file, std::string_view bytes) {
  const Descriptor in(::open(file.path().c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<char> buffer(std::size_t{1} << 18);
  while (true) {
    const ssize_t got = ::read(in.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return got == 0 && bytes.empty();
    }
    const auto count = static_cast<std::size_t>(got);
    if (count > bytes.size() || std::memcmp(buffer.data(), bytes.data(), count) != 0) {
      return false;
    }
    bytes.remove_prefix(count);
  }
}

} // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  TemporaryFile file(path, ".tmp");
  write_bytes(file, bytes);
  if (!holds(file, bytes)) {
    throw file.failure("what was written reads back differently");
  }
  file.commit();
}

} // namespace cordlesion::io
