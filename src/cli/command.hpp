// The commands of the program. Each file declares its options on a subcommand and returns what runs
// it.
#pragma once

#include "cordlesion/core/error.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace cordlesion::cli {

/// What runs a command once its options are parsed.
using RunCommand = std::function<ExitCode()>;

/// The options that all commands share.
struct GlobalOptions {
  int verbose = 0;
  bool quiet = false;
  std::string log_format = "text";
  std::string progress = "auto";
};

RunCommand add_predict(CLI::App& app, const GlobalOptions& global);
RunCommand add_scan(CLI::App& app);
RunCommand add_prepare(CLI::App& app);
RunCommand add_evaluate(CLI::App& app);
RunCommand add_models(CLI::App& app);
RunCommand add_compare(CLI::App& app);
RunCommand add_merge(CLI::App& app);

} // namespace cordlesion::cli
