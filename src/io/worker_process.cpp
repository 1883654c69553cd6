// The program's end of the worker server: sends requests, waits, and maps what came back.
#include "worker_process.hpp"

#include "cordlesion/core/error.hpp"
#include "worker_server.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace cordlesion::io {
namespace {

/// Bytes at the start of a reply that hold the name of the file being read.
constexpr std::size_t note_bytes = 4096;

Error system_failure(const std::string& what) {
  return {ExitCode::internal_error, Stage::read, "loader_system",
          what + ": " + std::strerror(errno)};
}

Error request_failure() {
  const bool limited = errno == EFBIG;
  return {limited ? ExitCode::output : ExitCode::internal_error, Stage::read, "loader_system",
          std::string("cannot write to the loading process: ") + std::strerror(errno),
          limited ? "raise the file size limit of this job (ulimit -f)" : ""};
}

Error server_gone() {
  return {ExitCode::internal_error, Stage::read, "loader_gone",
          "the loading process has ended, no further case can be read",
          "run again with --resume; if it was killed, look for a memory limit of the job"};
}

Descriptor memory_file(const char* name) {
  Descriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0) {
    throw system_failure("cannot create a memory file");
  }
  return file;
}

/// Whether everything was written; if not, errno says why.
bool write_all(int fd, const char* data, std::size_t bytes, std::size_t offset) {
  while (bytes > 0) {
    const ssize_t written = ::pwrite(fd, data, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    data += written;
    bytes -= static_cast<std::size_t>(written);
    offset += static_cast<std::size_t>(written);
  }
  return true;
}

/// For a reply, which lives in memory: no room there, or none under a file size limit.
void write_reply(int fd, const char* data, std::size_t bytes, std::size_t offset) {
  if (!write_all(fd, data, bytes, offset)) {
    throw std::bad_alloc();
  }
}

/// The expression of the last "Assertion `...' failed" in what the worker printed.
std::string last_assertion(const Descriptor& capture) {
  struct stat info {};
  if (::fstat(capture.get(), &info) != 0) {
    return {};
  }
  std::array<char, 8192> buffer{};
  const off_t start = std::max<off_t>(0, info.st_size - static_cast<off_t>(buffer.size()));
  const ssize_t got = ::pread(capture.get(), buffer.data(), buffer.size(), start);
  const std::string_view text(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::size_t begin = text.rfind("Assertion `");
  if (begin == std::string_view::npos) {
    return {};
  }
  const std::size_t end = text.find("' failed", begin);
  if (end == std::string_view::npos || end - begin > 200) {
    return {};
  }
  return std::string(text.substr(begin + 11, end - begin - 11));
}

} // namespace

void Reply::note_file(const std::string& relative_path) {
  std::array<char, note_bytes> page{};
  relative_path.copy(page.data(), page.size() - 1);
  write_reply(fd_, page.data(), page.size(), 0);
}

void Reply::append(const void* data, std::size_t bytes) {
  write_reply(fd_, static_cast<const char*>(data), bytes, note_bytes + size_);
  size_ += bytes;
}

WorkResult::WorkResult(WorkerEnd end, Descriptor reply, const Descriptor& capture)
    : end_(end), assertion_(end == WorkerEnd::done ? "" : last_assertion(capture)) {
  struct stat info {};
  if (::fstat(reply.get(), &info) != 0 || info.st_size == 0) {
    return;
  }
  map_size_ = static_cast<std::size_t>(info.st_size);
  map_ = ::mmap(nullptr, map_size_, PROT_READ, MAP_SHARED, reply.get(), 0);
  if (map_ == MAP_FAILED) {
    map_ = nullptr;
    throw system_failure("cannot map the answer of the loading process");
  }
  const char* note = static_cast<const char*>(map_);
  file_.assign(note, ::strnlen(note, std::min(map_size_, note_bytes)));
}

WorkResult::WorkResult(WorkResult&& other) noexcept
    : end_(other.end_), file_(std::move(other.file_)), assertion_(std::move(other.assertion_)),
      map_(std::exchange(other.map_, nullptr)), map_size_(other.map_size_) {}

WorkResult::~WorkResult() {
  if (map_ != nullptr) {
    ::munmap(map_, map_size_);
  }
}

std::string_view WorkResult::bytes() const {
  if (map_ == nullptr || map_size_ <= note_bytes) {
    return {};
  }
  return {static_cast<const char*>(map_) + note_bytes, map_size_ - note_bytes};
}

PendingWork::PendingWork(WorkerServer& server, std::string request, const LoaderLimits& limits)
    : server_(&server), request_(std::move(request)), limits_(limits) {
  send();
}

void PendingWork::send() {
  Descriptor request_file = memory_file("request");
  reply_ = memory_file("reply");
  capture_ = memory_file("capture");
  const std::string no_note(note_bytes, '\0'); // so that a note does not look like a growing reply
  if (!write_all(request_file.get(), request_.data(), request_.size(), 0) ||
      !write_all(reply_.get(), no_note.data(), no_note.size(), 0)) {
    throw request_failure();
  }
  std::array<int, 2> status{};
  if (::pipe2(status.data(), O_CLOEXEC) != 0) {
    throw system_failure("cannot connect to the loading process");
  }
  status_ = Descriptor(status[0]);
  const Descriptor status_out(status[1]);
  if (!send_request(server_->socket_.get(),
                    {request_file.get(), reply_.get(), capture_.get(), status_out.get()},
                    limits_)) {
    throw server_gone();
  }
}

std::optional<WorkResult> PendingWork::result() {
  WorkerEnd end = WorkerEnd::crashed;
  ssize_t got = 0;
  do {
    got = ::read(status_.get(), &end, sizeof end);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof end)) {
    return std::nullopt;
  }
  return std::optional<WorkResult>(std::in_place, end, std::move(reply_), capture_);
}

WorkResult PendingWork::wait() && {
  if (auto answer = result()) {
    return std::move(*answer);
  }
  send();
  if (auto answer = result()) {
    return std::move(*answer);
  }
  return {WorkerEnd::crashed, std::move(reply_), capture_};
}

WorkerServer::WorkerServer(const Job& job) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw system_failure("cannot connect to the loading process");
  }
  socket_ = Descriptor(ends[0]);
  Descriptor server_end(ends[1]);
  const pid_t program = ::getpid();
  keeper_ = ::fork();
  if (keeper_ < 0) {
    throw system_failure("cannot start the loading process");
  }
  if (keeper_ == 0) {
    socket_.reset();
    keep_serving(server_end.get(), job, program);
  }
}

WorkerServer::~WorkerServer() {
  // Shut down, not only closed: a later fork of the program may hold a copy of this end.
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

PendingWork WorkerServer::start(const std::string& request, const LoaderLimits& limits) {
  return {*this, request, limits};
}

} // namespace cordlesion::io
