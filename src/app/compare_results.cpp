// Case by case through two folders of results.
#include "cordlesion/app/compare_results.hpp"

#include "cordlesion/core/counted.hpp"
#include "cordlesion/core/dice.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "results_folder.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <ostream>
#include <set>
#include <sstream>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

using Differences = std::vector<report::Difference>;

constexpr const char* mask_name = "lesion_mask.nii.gz";

struct Comparison {
  const CompareOptions& options;
  io::CaseLoader loader;
  Differences differences;
  std::size_t cases = 0;
  std::size_t masks = 0; ///< compared
};

Error unusable(const std::string& what) {
  return {ExitCode::no_input, Stage::find, "result_unreadable", what,
          "Take the case out of the folder, or run it again."};
}

std::optional<std::vector<report::Finding>> findings_in(const fs::path& folder,
                                                        const std::string& case_id) {
  return report::findings_of(text_of_file(folder / case_id / "report.json"));
}

std::string grid_text(const Grid& grid) {
  std::ostringstream text;
  text << grid.size[0] << 'x' << grid.size[1] << 'x' << grid.size[2] << " voxels of "
       << grid.spacing_mm[0] << 'x' << grid.spacing_mm[1] << 'x' << grid.spacing_mm[2] << " mm";
  return text.str();
}

std::string number_text(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

std::optional<report::Difference> difference_of(const std::string& case_id, const Image& expected,
                                                const Image& actual, double tolerance) {
  const double error_mm = max_corner_error_mm(expected.grid(), actual.grid());
  if (!(error_mm <= same_grid_mm)) {
    const std::string distance =
        std::isfinite(error_mm) ? ", corners " + number_text(error_mm) + " mm off" : "";
    return report::Difference{case_id, "mask geometry", grid_text(expected.grid()),
                              grid_text(actual.grid()) + distance,
                              number_text(same_grid_mm) + " mm"};
  }
  const double dice = dice_coefficient(expected, actual);
  if (!report::within(1 - dice, tolerance)) {
    return report::Difference{case_id, "mask dice", "1", number_text(dice), number_text(tolerance)};
  }
  return std::nullopt;
}

/// Compares the masks if EXPECTED holds one.
void compare_masks(Comparison& comparison, const std::string& case_id) {
  const auto& [expected, actual, tolerances] = comparison.options;
  if (!fs::exists(expected / case_id / mask_name)) {
    return;
  }
  ++comparison.masks;
  if (!fs::exists(actual / case_id / mask_name)) {
    comparison.differences.push_back({case_id, "mask", "present", "missing", "equal"});
    return;
  }
  Image reference;
  try {
    reference = comparison.loader.load_volume(expected / case_id / mask_name, expected);
  } catch (const Error& error) {
    throw unusable("the mask in " + shown(expected) + " cannot be read: " + error.what());
  }
  try {
    const Image mask = comparison.loader.load_volume(actual / case_id / mask_name, actual);
    if (auto found = difference_of(case_id, reference, mask, tolerances.dice)) {
      comparison.differences.push_back(std::move(*found));
    }
  } catch (const Error& error) {
    comparison.differences.push_back({case_id, "mask", "readable", error.what(), "equal"});
  }
}

void compare_case(Comparison& comparison, const std::string& case_id) {
  const auto& [expected, actual, tolerances] = comparison.options;
  ++comparison.cases;
  const bool is_expected = fs::exists(expected / case_id / "report.json");
  const bool is_there = fs::exists(actual / case_id / "report.json");
  if (!is_expected || !is_there) {
    comparison.differences.push_back({case_id, "case", is_expected ? "present" : "missing",
                                      is_there ? "present" : "missing", "equal"});
    return;
  }
  const auto wanted = findings_in(expected, case_id);
  const auto given = findings_in(actual, case_id);
  if (!wanted) {
    throw unusable(shown(expected) + "/" + case_id + "/report.json is not the report of a case");
  }
  if (!given) {
    comparison.differences.push_back({case_id, "report", "readable", "damaged", "equal"});
    return;
  }
  Differences found = differences_of(case_id, *wanted, *given, tolerances);
  std::move(found.begin(), found.end(), std::back_inserter(comparison.differences));
  compare_masks(comparison, case_id);
}

std::string summary_of(const Comparison& comparison) {
  std::set<std::string> differing;
  for (const report::Difference& difference : comparison.differences) {
    differing.insert(difference.case_id);
  }
  const std::string cases = counted(comparison.cases, "case");
  std::string text = differing.empty()
                         ? "equal: " + cases
                         : counted(comparison.differences.size(), "difference") + " in " +
                               std::to_string(differing.size()) + " of " + cases;
  if (comparison.masks == 0) {
    return text + "; masks not compared, EXPECTED holds none";
  }
  text += "; " + counted(comparison.masks, "mask") + " compared";
  const report::Tolerances& tolerances = comparison.options.tolerances;
  return text + "; tolerances: dice " + number_text(tolerances.dice) + ", volume " +
         number_text(tolerances.volume) + ", probability " + number_text(tolerances.probability);
}

} // namespace

ExitCode compare_results(const CompareOptions& options, std::ostream& results) {
  require_results(options.expected);
  require_results(options.actual);
  const std::vector<std::string> expected = cases_in(options.expected);
  if (expected.empty()) {
    throw Error(ExitCode::no_input, Stage::find, "no_results",
                shown(options.expected) + " holds no case to compare with",
                "Give a folder with report.json in a folder per case.");
  }
  std::set<std::string> cases(expected.begin(), expected.end());
  for (std::string& name : cases_in(options.actual)) {
    cases.insert(std::move(name));
  }
  Comparison comparison{.options = options, .loader = io::CaseLoader(), .differences = {}};
  for (const std::string& case_id : cases) {
    compare_case(comparison, case_id);
  }
  if (!comparison.differences.empty()) {
    results << report::table_of(comparison.differences) << '\n';
  }
  results << summary_of(comparison) << '\n';
  return comparison.differences.empty() ? ExitCode::ok : ExitCode::difference;
}

} // namespace cordlesion::app
