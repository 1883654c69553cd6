// Work done in processes of their own: a small server, forked early, that forks a worker per
// request, and a keeper that starts the server again if it is killed.
#pragma once

#include "cordlesion/io/case_loader.hpp"
#include "descriptor.hpp"

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cordlesion::io {

/// Where a worker writes: the name of the file it is about to read, and its result. What was
/// written stays readable if the worker dies. Throws std::bad_alloc if there is no room.
class Reply {
 public:
  explicit Reply(int fd) : fd_(fd) {}

  void note_file(const std::string& relative_path);
  void append(const void* data, std::size_t bytes);
  void append(std::string_view bytes) { append(bytes.data(), bytes.size()); }

 private:
  int fd_;
  std::size_t size_ = 0;
};

/// What a worker does with a request. Runs in the worker.
using Job = std::function<void(const std::string& request, Reply& reply)>;

/// How a worker ended.
enum class WorkerEnd { done, crashed, timed_out, out_of_memory };

/// A finished piece of work; the bytes stay mapped as long as this lives.
class WorkResult {
 public:
  WorkResult(WorkerEnd end, Descriptor reply, const Descriptor& capture);
  WorkResult(WorkResult&& other) noexcept;
  WorkResult& operator=(WorkResult&&) = delete;
  ~WorkResult();

  WorkerEnd end() const { return end_; }
  /// The file noted last, relative; empty if none.
  const std::string& file() const { return file_; }
  /// The assertion of a library that ended the worker, or empty. Nothing else of what the libraries
  /// print is kept, for it may name paths or patients.
  const std::string& assertion() const { return assertion_; }
  /// What the worker appended; incomplete unless it is done.
  std::string_view bytes() const;

 private:
  WorkerEnd end_;
  std::string file_;
  std::string assertion_;
  void* map_ = nullptr;
  std::size_t map_size_ = 0;
};

class WorkerServer;

/// A request under way. The server must outlive it.
class PendingWork {
 public:
  PendingWork(WorkerServer& server, std::string request, const LoaderLimits& limits);
  /// Waits for the worker. A request that was lost with a killed server is made once more, and
  /// counts as crashed if that is lost too. Throws an internal error if no server can be had.
  WorkResult wait() &&;

 private:
  void send();
  /// None if the server ended before the worker.
  std::optional<WorkResult> result();

  WorkerServer* server_;
  std::string request_;
  LoaderLimits limits_;
  Descriptor status_;
  Descriptor reply_;
  Descriptor capture_;
};

/// The program's end of the server.
class WorkerServer {
 public:
  /// Forks the server and its keeper. They and the workers die with the calling thread's process
  /// and ignore the signals of the terminal: the program decides.
  explicit WorkerServer(const Job& job);
  ~WorkerServer();
  WorkerServer(const WorkerServer&) = delete;
  WorkerServer& operator=(const WorkerServer&) = delete;

  /// Starts a worker; several may run at once. Its time begins anew whenever its reply has grown.
  PendingWork start(const std::string& request, const LoaderLimits& limits);

 private:
  friend class PendingWork;

  Descriptor socket_;
  pid_t keeper_ = -1;
};

} // namespace cordlesion::io
