// Signal handling of a run.
#include "cordlesion/app/interrupt.hpp"

#include "cordlesion/core/error.hpp"

#include <unistd.h>

#include <csignal>

namespace cordlesion::app {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) {
  if (stop_requested != 0) {
    _exit(static_cast<int>(ExitCode::interrupted));
  }
  stop_requested = 1;
}

} // namespace

void watch_for_interrupts() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return stop_requested != 0;
}

void stop_if_interrupted() {
  if (interrupted()) {
    throw Error(ExitCode::interrupted, Stage::find, "interrupted", "stopped on request",
                "Run again with --resume to go on.");
  }
}

} // namespace cordlesion::app
