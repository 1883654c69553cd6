// The server process: forks a worker per request, limits it, and reports how it ended. Its keeper
// forks it, and again if it is killed.
#pragma once

#include "worker_process.hpp"

#include <array>

namespace cordlesion::io {

/// The descriptors that make a request: what to do, where to answer, where the worker's output
/// goes, where the server reports the worker's end.
struct RequestFiles {
  int request = -1;
  int reply = -1;
  int capture = -1;
  int status = -1;
};

/// Passes the descriptors and limits over the socket. False if nobody listens any more.
bool send_request(int socket, const RequestFiles& files, const LoaderLimits& limits);

/// The life of the keeper: forks the server, and another one whenever it is killed, from a process
/// without threads. Ends when the socket's other end closes.
/// @param program  process id of the program, to notice that it died before this began
[[noreturn]] void keep_serving(int socket, const Job& job, pid_t program);

} // namespace cordlesion::io
