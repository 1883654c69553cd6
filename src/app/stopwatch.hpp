// Times of consecutive stages in milliseconds.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace cordlesion::app {

/// Each lap is the time since the one before.
class Stopwatch {
 public:
  explicit Stopwatch(std::map<std::string, double>& times_ms) : times_ms_(times_ms) {}

  void lap(const std::string& stage) {
    const auto now = Clock::now();
    times_ms_[stage] += std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::map<std::string, double>& times_ms_;
  Clock::time_point last_ = Clock::now();
};

/// Adds the time that `work` takes, and returns its result.
template <typename Work>
auto timed(std::map<std::string, double>& times_ms, const std::string& name, const Work& work) {
  Stopwatch watch(times_ms);
  auto result = work();
  watch.lap(name);
  return result;
}

} // namespace cordlesion::app
