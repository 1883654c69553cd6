// `cordlesion compare`: a regression check between two folders of results.
#include "command.hpp"
#include "cordlesion/app/compare_results.hpp"
#include "number_checks.hpp"

#include <iostream>
#include <memory>

namespace cordlesion::cli {
namespace {

constexpr const char* footer = R"(
Compared for each case: status, error code, label, probabilities, number of lesions, volumes, and
the masks: geometry, then Dice. A case that only one folder holds is a difference. What EXPECTED
leaves out is not compared, so EXPECTED may be a former output folder, or a small one kept beside
a test with nothing but report.json for each case, cut down to the fields that matter.

The default tolerances allow for the rounding of fp32 arithmetic, which differs between processors;
0 asks for equality. Status, label, error code and number of lesions must always be equal.

Prints the differences as a table and a line that sums it up. Exit code 0 without a difference, 9
with one, 2 if a folder does not exist, 3 if it holds no results or what it holds cannot be read.

Examples:
  cordlesion compare former/ out/
  cordlesion compare tests/expected/ out/ --tol-dice 0 --tol-volume 0 --tol-probability 0)";

void add_tolerance(CLI::App& command, const char* name, double& value, const char* meaning) {
  command.add_option(name, value, meaning)
      ->type_name("T")
      ->check(number_between(0, 1))
      ->capture_default_str();
}

} // namespace

RunCommand add_compare(CLI::App& app) {
  CLI::App& command = *app.add_subcommand(
      "compare", "Check that two output folders hold the same results, within tolerances");
  command.footer(footer);
  auto options = std::make_shared<app::CompareOptions>();
  command.add_option("EXPECTED", options->expected, "Folder with the results to compare with")
      ->required();
  command.add_option("ACTUAL", options->actual, "Folder with the results to check")->required();
  report::Tolerances& tolerances = options->tolerances;
  add_tolerance(command, "--tol-dice", tolerances.dice, "How far below 1 the Dice of masks may be");
  add_tolerance(command, "--tol-volume", tolerances.volume,
                "How far volumes may differ, as a part of the larger");
  add_tolerance(command, "--tol-probability", tolerances.probability,
                "How far probabilities may differ");
  return [options] { return app::compare_results(*options, std::cout); };
}

} // namespace cordlesion::cli
