// `cordlesion scan`: every series and volume found, with the decision and its reason.
#include "command.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/app/scan_case.hpp"
#include "cordlesion/core/counted.hpp"
#include "input_options.hpp"

#include <iostream>
#include <memory>

namespace cordlesion::cli {
namespace {

ExitCode scan(const InputOptions& input, const io::LoaderLimits& limits, bool json) {
  io::CaseLoader loader(limits);
  const io::FoundCases found = loader.find(find_request(input));
  const io::LoadOptions options = load_options(input);
  for (const Warning& warning : found.warnings) {
    app::log_warning(warning.code + ": " + warning.message);
  }
  std::vector<report::ScannedCase> cases;
  bool failures = false;
  app::scan_cases(found.cases, options, loader, [&](const report::ScannedCase& scanned) {
    failures = failures || scanned.failure.has_value();
    cases.push_back(scanned);
  });
  std::cout << (json ? report::scan_json(cases) : report::scan_text(cases));
  app::log_info(counted(cases.size(), "case") + ", " + counted(found.skipped_files, "other file") +
                " skipped");
  return failures ? ExitCode::some_cases_failed : ExitCode::ok;
}

} // namespace

RunCommand add_scan(CLI::App& app) {
  CLI::App& command = *app.add_subcommand(
      "scan", "List every series and volume under the inputs, with the decision on each");
  command.footer("\nExit code 8 if a case has nothing that can be used.\n\n"
                 "Example:\n  cordlesion scan study/ --json | less");
  struct Arguments {
    InputOptions input;
    io::LoaderLimits limits;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  add_input_options(command, arguments->input);
  add_load_timeout_option(command, arguments->limits);
  command.add_flag("--json", arguments->json, "JSON instead of text");
  return [arguments] { return scan(arguments->input, arguments->limits, arguments->json); };
}

} // namespace cordlesion::cli
