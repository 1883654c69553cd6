// Global options, dispatch to the commands, and the translation of failures to exit codes.
#include "cordlesion/cli/application.hpp"

#include "command.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/core/version.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "cordlesion/io/volume_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>
#include <memory>

namespace cordlesion::cli {
namespace {

constexpr const char* description =
    "Segments intramedullary lesions on sagittal T2-weighted spinal cord MRI and classifies them:\n"
    "tumour or demyelination, then astrocytoma or ependymoma, or MS or NMOSD.\n"
    "Research use only. Not a medical device.";

constexpr const char* footer = R"(
Examples:
  cordlesion scan study/                        what is in a study folder, and what would be used
  cordlesion predict study/ -o out              one DICOM study
  cordlesion predict cohort/ -o out --resume    go on with an interrupted cohort
  cordlesion predict t2.nii.gz -o out2 --masks corrected.nii.gz
                                                classify again from a corrected mask
  cordlesion evaluate --predictions out --labels labels.tsv -o evaluation
                                                the paper's tables on one's own cohort

Exit codes: 0 all cases done, 1 internal error, 2 usage, 3 no usable input, 4 models missing or
invalid, 5 output not writable, 8 some cases failed (the others are complete), 9 compare found a
difference, 130 interrupted.

Method: Zhuo, Zhang et al., "Automated Classification of Intramedullary Spinal Cord Tumors and
Inflammatory Demyelinating Lesions Using Deep Learning", Radiology: Artificial Intelligence
2022;4(6):e210292, doi 10.1148/ryai.210292.)";

std::string version_text() {
  return "cordlesion " + std::string(version()) + " (" + std::string(commit()) + ")\nLibTorch " +
         inference::torch_version() + " (CPU capability " + inference::cpu_capability() +
         "), networks compiled by " + inference::plan_engine() + ", ITK " + io::itk_version();
}

void add_global_options(CLI::App& app, GlobalOptions& global) {
  app.set_help_flag("-h,--help", "Show this help and exit");
  app.add_flag_callback(
      "--version",
      [] {
        std::cout << version_text() << '\n';
        throw CLI::Success();
      },
      "Show version, commit and the libraries' versions, and exit");
  app.add_flag("-v", global.verbose, "More messages; -vv for all");
  app.add_flag("-q,--quiet", global.quiet, "Warnings and errors only");
  app.add_option("--log-format", global.log_format, "Form of the messages on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--progress", global.progress, "Progress bar on a terminal, or none")
      ->check(CLI::IsMember({"auto", "none"}))
      ->capture_default_str();
}

void set_up_logging(const GlobalOptions& global) {
  app::Verbosity verbosity = app::Verbosity::normal;
  if (global.quiet) {
    verbosity = app::Verbosity::quiet;
  } else if (global.verbose > 0) {
    verbosity = global.verbose == 1 ? app::Verbosity::verbose : app::Verbosity::very_verbose;
  }
  app::set_up_logging(global.log_format == "json" ? app::LogFormat::json : app::LogFormat::text,
                      verbosity);
}

/// A closed standard stream must not lend its number to a file of ours. What is written to a closed
/// stdout fails, for nobody will read it.
void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0) { // then it is the lowest that is free
      ::open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
    }
  }
}

/// Writing beyond a file size limit (ulimit -f) must fail like a full disk, not end the process.
void outlive_file_size_limits() {
  std::signal(SIGXFSZ, SIG_IGN);
}

/// Runs the command that was chosen; what it throws becomes a message and an exit code.
ExitCode run_guarded(const RunCommand& run) {
  try {
    const ExitCode code = run();
    std::cout.flush();
    if (!std::cout) {
      throw output_error(
          "stdout_not_writable", "the results could not be written to stdout",
          "Check where stdout leads; what was written to an output folder is complete.");
    }
    return code;
  } catch (const Error& error) {
    app::log_error(std::string(error.what()) + " [" + error.code() + "]");
    if (!error.hint().empty()) {
      app::log_error(error.hint());
    }
    return error.exit_code();
  } catch (const std::exception& error) {
    app::log_error("internal error: " + reason_of(error));
    return ExitCode::internal_error;
  }
}

} // namespace

int run_application(int argc, char** argv) {
  open_standard_streams();
  outlive_file_size_limits();
  CLI::App app{description, "cordlesion"};
  GlobalOptions global;
  add_global_options(app, global);
  app.footer(footer);
  app.require_subcommand(1);
  app.fallthrough();

  const std::map<std::string, RunCommand> commands{
      {"predict", add_predict(app, global)}, {"scan", add_scan(app)},
      {"prepare", add_prepare(app)},         {"evaluate", add_evaluate(app)},
      {"compare", add_compare(app)},         {"merge", add_merge(app)},
      {"models", add_models(app)},
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    set_up_logging(global);
    return static_cast<int>(run_guarded([&] { // help and version are results too
      const int code = app.exit(error, std::cout, std::cerr);
      return code == 0 ? ExitCode::ok : ExitCode::usage;
    }));
  }
  const std::string command = app.get_subcommands().front()->get_name();
  set_up_logging(global);
  return static_cast<int>(run_guarded(commands.at(command)));
}

} // namespace cordlesion::cli
