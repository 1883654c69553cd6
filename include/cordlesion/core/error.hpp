// The one exception type of the project and the exit codes of the program.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cordlesion {

/// Exit codes of the executable, as the README lists them.
enum class ExitCode : int {
  ok = 0,
  internal_error = 1,
  usage = 2,
  no_input = 3,
  models = 4,
  output = 5,
  some_cases_failed = 8,
  difference = 9, ///< `compare` found one
  interrupted = 130,
};

/// Where in a case's way through the program something went wrong.
enum class Stage { find, read, select, prepare, segment, classify, write };

/// Lower-case name of a stage as reports and tables spell it.
std::string_view to_string(Stage stage);

/// A failure with all that its reader needs. `what()` is the message: what failed, on which
/// (relative) path, what was expected and what was found. Never holds a patient's identity or an
/// absolute path of an input.
class Error : public std::runtime_error {
 public:
  /// @param code  stable lower_snake_case reason, for scripts (`slice_gap`, `model_hash_mismatch`)
  /// @param hint  what the user can do next; may be empty
  Error(ExitCode exit_code, Stage stage, std::string code, const std::string& message,
        std::string hint = {});

  /// Exit code of the program when this failure ends the whole run (a failed case never does).
  ExitCode exit_code() const { return exit_code_; }
  Stage stage() const { return stage_; }
  const std::string& code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  ExitCode exit_code_;
  Stage stage_;
  std::string code_;
  std::string hint_;
};

/// A failure of one case: bad input found at `stage`. The other cases go on.
Error case_error(Stage stage, std::string code, const std::string& message, std::string hint = {});
/// Wrong use of the command line; nothing runs.
Error usage_error(const std::string& message, std::string hint = {});
/// The model package is missing, altered or breaks the contract; nothing runs.
Error models_error(std::string code, const std::string& message, std::string hint = {});
/// The output folder or a file in it cannot be written.
Error output_error(std::string code, const std::string& message, std::string hint = {});

/// The reason that an exception gives, without the paths that file system errors hold.
std::string reason_of(const std::exception& failure);

/// Something unusual that did not stop the case and that its reader should know.
struct Warning {
  std::string code;
  std::string message;
};

} // namespace cordlesion
