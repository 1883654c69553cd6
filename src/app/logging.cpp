// spdlog behind four functions, with one sink that knows of the status line.
#include "cordlesion/app/logging.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

namespace cordlesion::app {
namespace {

constexpr const char* erase_line = "\r\033[K";

std::string json_line(const spdlog::details::log_msg& message) {
  const auto time =
      std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
  const auto level = spdlog::level::to_string_view(message.level);
  const nlohmann::ordered_json json{
      {"time_ms", time.count()},
      {"level", std::string(level.data(), level.size())},
      {"message", std::string(message.payload.data(), message.payload.size())}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// Writes to stderr; messages push the status line down.
class ConsoleSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(LogFormat format) : format_(format) {}

  void show(const std::string& line) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (!line.empty() || !status_.empty()) {
      status_ = line;
      print(erase_line + status_);
    }
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string text = status_.empty() ? "" : erase_line;
    if (format_ == LogFormat::json) {
      text += json_line(message);
    } else {
      spdlog::memory_buf_t buffer;
      formatter_->format(message, buffer);
      text += fmt::to_string(buffer);
    }
    print(text + status_);
  }
  void flush_() override { std::fflush(stderr); }

 private:
  static void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  }

  LogFormat format_;
  std::string status_;
};

std::shared_ptr<ConsoleSink>& sink() {
  static std::shared_ptr<ConsoleSink> instance;
  return instance;
}

} // namespace

void set_up_logging(LogFormat format, Verbosity verbosity) {
  sink() = std::make_shared<ConsoleSink>(format);
  auto logger = std::make_shared<spdlog::logger>("cordlesion", sink());
  logger->set_pattern("[%l] %v");
  switch (verbosity) {
  case Verbosity::quiet:
    logger->set_level(spdlog::level::warn);
    break;
  case Verbosity::normal:
    logger->set_level(spdlog::level::info);
    break;
  case Verbosity::verbose:
    logger->set_level(spdlog::level::debug);
    break;
  case Verbosity::very_verbose:
    logger->set_level(spdlog::level::trace);
    break;
  }
  spdlog::set_default_logger(std::move(logger));
}

bool stderr_is_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

void set_status_line(const std::string& line) {
  if (sink()) {
    sink()->show(line);
  }
}

// The messages are passed as arguments, never as format strings: they may hold braces.
void log_info(std::string_view message) {
  spdlog::info("{}", message);
}
void log_warning(std::string_view message) {
  spdlog::warn("{}", message);
}
void log_error(std::string_view message) {
  spdlog::error("{}", message);
}
void log_debug(std::string_view message) {
  spdlog::debug("{}", message);
}

} // namespace cordlesion::app
