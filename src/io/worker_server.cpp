// The server process: forks a worker per request, limits it, and reports how it ended. Its keeper
// forks it, and again if it is killed.
#include "worker_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <vector>

namespace cordlesion::io {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int exit_out_of_memory = 3;
constexpr int exit_failed = 4;
constexpr std::size_t files_per_request = 4;

struct Running {
  pid_t pid = -1;
  Descriptor life;   ///< becomes readable (end of file) when the worker is gone
  Descriptor status; ///< where its end is reported
  Descriptor reply;
  off_t reply_bytes = 0; ///< when the deadline was set
  Clock::duration limit{};
  Clock::time_point deadline;
};

struct ReceivedRequest {
  Descriptor request;
  Descriptor reply;
  Descriptor capture;
  Descriptor status;
  LoaderLimits limits;
};

/// None at the end of the conversation.
std::optional<ReceivedRequest> receive_request(int socket) {
  LoaderLimits limits;
  iovec data{&limits, sizeof limits};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(files_per_request * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_len != CMSG_LEN(files_per_request * sizeof(int))) {
    return std::nullopt;
  }
  std::array<int, files_per_request> fds{};
  std::memcpy(fds.data(), CMSG_DATA(header), sizeof fds);
  return ReceivedRequest{Descriptor(fds[0]), Descriptor(fds[1]), Descriptor(fds[2]),
                         Descriptor(fds[3]), limits};
}

/// Names this process, and binds its life to its parent's.
void begin_process(const char* name, pid_t parent) {
  ::prctl(PR_SET_NAME, name);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // SIGINT and SIGTERM often reach the whole process group; the program decides what they mean, and
  // this process ends with it.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    ::signal(signal, SIG_IGN);
  }
  if (::getppid() != parent) { // it died before this began
    ::_exit(0);
  }
}

[[maybe_unused]] std::size_t mapped_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void set_limit(int resource, std::size_t value) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

void limit_worker([[maybe_unused]] const LoaderLimits& limits) {
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, limits.memory_bytes);
#if !defined(__SANITIZE_ADDRESS__) // AddressSanitizer reserves terabytes of address space
  set_limit(RLIMIT_AS, mapped_bytes() + limits.memory_bytes);
#endif
}

std::string content_of(int fd) {
  struct stat info {};
  ::fstat(fd, &info);
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got =
        ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got <= 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return text;
}

[[noreturn]] void run_worker(const ReceivedRequest& files, const Job& job, pid_t server) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != server) {
    ::_exit(exit_failed);
  }
  ::dup2(files.capture.get(), STDOUT_FILENO);
  ::dup2(files.capture.get(), STDERR_FILENO);
  try {
    const std::string request = content_of(files.request.get());
    limit_worker(files.limits);
    Reply reply(files.reply.get());
    job(request, reply);
    ::_exit(0); // no destructors: whatever the libraries hold goes with the process
  } catch (const std::bad_alloc&) {
    ::_exit(exit_out_of_memory);
  } catch (...) {
    ::_exit(exit_failed);
  }
}

void report(const Running& worker, WorkerEnd end) {
  [[maybe_unused]] const ssize_t written = ::write(worker.status.get(), &end, sizeof end);
}

WorkerEnd reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return WorkerEnd::done;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == exit_out_of_memory ? WorkerEnd::out_of_memory
                                                                        : WorkerEnd::crashed;
}

off_t size_of(const Descriptor& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 ? info.st_size : 0;
}

void set_deadline(Running& worker) {
  worker.reply_bytes = size_of(worker.reply);
  worker.deadline = Clock::now() + worker.limit;
}

void start_worker(int socket, ReceivedRequest files, const Job& job,
                  std::vector<Running>& running) {
  Running worker;
  std::array<int, 2> life{-1, -1};
  const pid_t server = ::getpid();
  const bool ready = ::pipe2(life.data(), O_CLOEXEC) == 0;
  worker.life = Descriptor(life[0]);
  Descriptor life_of_worker(life[1]);
  worker.pid = ready ? ::fork() : -1;
  if (worker.pid == 0) {
    ::close(socket); // a request that is sent after the server's death must fail
    run_worker(files, job, server);
  }
  worker.status = std::move(files.status);
  if (worker.pid < 0) {
    report(worker, WorkerEnd::out_of_memory);
    return;
  }
  worker.reply = std::move(files.reply);
  worker.limit = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(files.limits.seconds_per_case));
  set_deadline(worker);
  running.push_back(std::move(worker));
}

/// Reports and forgets the workers that have ended or must.
void collect(std::vector<Running>& running, const std::vector<pollfd>& polled) {
  std::vector<Running> going_on;
  for (std::size_t i = 0; i < running.size(); ++i) {
    Running& worker = running[i];
    if (polled[i + 1].revents != 0) {
      report(worker, reap(worker.pid));
    } else if (Clock::now() >= worker.deadline && size_of(worker.reply) > worker.reply_bytes) {
      set_deadline(worker); // it is getting on
      going_on.push_back(std::move(worker));
    } else if (Clock::now() >= worker.deadline) {
      ::kill(worker.pid, SIGKILL);
      reap(worker.pid);
      report(worker, WorkerEnd::timed_out);
    } else {
      going_on.push_back(std::move(worker));
    }
  }
  running = std::move(going_on);
}

int milliseconds_to_next(const std::vector<Running>& running) {
  if (running.empty()) {
    return -1;
  }
  Clock::time_point next = running.front().deadline;
  for (const Running& worker : running) {
    next = std::min(next, worker.deadline);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// The life of a server. Ends when the socket's other end closes.
[[noreturn]] void serve_workers(int socket, const Job& job, pid_t keeper) {
  begin_process("cordlesion-load", keeper);
  std::vector<Running> running;
  while (true) {
    std::vector<pollfd> polled{{socket, POLLIN, 0}};
    for (const Running& worker : running) {
      polled.push_back({worker.life.get(), POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), milliseconds_to_next(running)) < 0) {
      continue; // interrupted
    }
    collect(running, polled);
    if (polled.front().revents == 0) {
      continue;
    }
    std::optional<ReceivedRequest> request = receive_request(socket);
    if (!request) { // the program has closed its end; workers are killed by their parent's death
      ::_exit(0);
    }
    start_worker(socket, std::move(*request), job, running);
  }
}

} // namespace

bool send_request(int socket, const RequestFiles& files, const LoaderLimits& limits) {
  const std::array<int, files_per_request> fds{files.request, files.reply, files.capture,
                                               files.status};
  LoaderLimits sent_limits = limits;
  iovec data{&sent_limits, sizeof sent_limits};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof sent_limits);
}

void keep_serving(int socket, const Job& job, pid_t program) {
  begin_process("cordlesion-keep", program);
  const pid_t keeper = ::getpid();
  int status = 0;
  do {
    const pid_t server = ::fork();
    if (server == 0) {
      serve_workers(socket, job, keeper);
    }
    while (server > 0 && ::waitpid(server, &status, 0) < 0 && errno == EINTR) {
    }
    if (server < 0) {
      ::_exit(1);
    }
  } while (WIFSIGNALED(status)); // it was killed; requests that wait in the socket are not lost
  ::_exit(0);
}

} // namespace cordlesion::io
