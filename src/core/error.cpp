// Names of stages and the constructors of the usual errors.
#include "cordlesion/core/error.hpp"

#include <system_error>
#include <utility>

namespace cordlesion {

std::string_view to_string(Stage stage) {
  switch (stage) {
  case Stage::find:
    return "find";
  case Stage::read:
    return "read";
  case Stage::select:
    return "select";
  case Stage::prepare:
    return "prepare";
  case Stage::segment:
    return "segment";
  case Stage::classify:
    return "classify";
  case Stage::write:
    return "write";
  }
  return "unknown";
}

Error::Error(ExitCode exit_code, Stage stage, std::string code, const std::string& message,
             std::string hint)
    : std::runtime_error(message), exit_code_(exit_code), stage_(stage), code_(std::move(code)),
      hint_(std::move(hint)) {}

Error case_error(Stage stage, std::string code, const std::string& message, std::string hint) {
  return {ExitCode::some_cases_failed, stage, std::move(code), message, std::move(hint)};
}

Error usage_error(const std::string& message, std::string hint) {
  return {ExitCode::usage, Stage::find, "usage", message, std::move(hint)};
}

Error models_error(std::string code, const std::string& message, std::string hint) {
  return {ExitCode::models, Stage::prepare, std::move(code), message, std::move(hint)};
}

Error output_error(std::string code, const std::string& message, std::string hint) {
  return {ExitCode::output, Stage::write, std::move(code), message, std::move(hint)};
}

std::string reason_of(const std::exception& failure) {
  const auto* system = dynamic_cast<const std::system_error*>(&failure);
  return system != nullptr ? system->code().message() : failure.what();
}

} // namespace cordlesion
