// Messages on stderr, and the status line under them on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace cordlesion::app {

enum class LogFormat { text, json };
enum class Verbosity { quiet, normal, verbose, very_verbose };

void set_up_logging(LogFormat format, Verbosity verbosity);

/// True if stderr is a terminal.
bool stderr_is_terminal();

/// Shows `line` below the messages, redrawn after each; empty takes it away. For terminals only.
void set_status_line(const std::string& line);

void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);
void log_debug(std::string_view message);

} // namespace cordlesion::app
