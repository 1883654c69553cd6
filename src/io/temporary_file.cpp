// A file under a temporary name that becomes the real one only when it is complete.
#include "temporary_file.hpp"

#include "cordlesion/io/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace cordlesion::io {
namespace {

constexpr std::string_view prefix = ".cordlesion-";

std::string next_name(const std::string& ending) {
  static std::atomic<unsigned> counter{0};
  return std::string(prefix) + std::to_string(::getpid()) + "-" + std::to_string(++counter) +
         ending;
}

bool flush_to_disk(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool flushed = ::fsync(fd) == 0;
  const int reason = errno;
  ::close(fd);
  errno = reason;
  return flushed;
}

} // namespace

bool is_temporary_name(const std::filesystem::path& path) {
  return path.filename().string().rfind(prefix, 0) == 0;
}

TemporaryFile::TemporaryFile(std::filesystem::path target, const std::string& ending)
    : target_(std::move(target)) {
  int fd = -1;
  do { // a name may be left from a killed process, or belong to one of another node
    path_ = target_.parent_path() / next_name(ending);
    fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0) {
    throw system_failure();
  }
  ::close(fd);
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void TemporaryFile::flush() const {
  if (!flush_to_disk(path_, O_RDONLY)) {
    throw system_failure();
  }
}

void TemporaryFile::commit() {
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    throw system_failure();
  }
  const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  // Some file systems refuse to flush a folder; the file itself is safe then.
  if (!flush_to_disk(folder, O_RDONLY | O_DIRECTORY) && errno != EINVAL && errno != EACCES) {
    throw system_failure();
  }
}

Error TemporaryFile::failure(const std::string& what) const {
  const std::filesystem::path shown = target_.parent_path().filename() / target_.filename();
  return output_error("write_failed", "cannot write " + shown.string() + ": " + what,
                      "check free space, quota and permissions of the output folder");
}

Error TemporaryFile::system_failure() const {
  return failure(std::strerror(errno));
}

} // namespace cordlesion::io
