// The order of an evaluation: output folder, cohort, metrics, files.
#include "cordlesion/app/run_evaluate.hpp"

#include "cohort.hpp"
#include "cohort_metrics.hpp"
#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/core/counted.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/report/evaluation_files.hpp"
#include "results_folder.hpp"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* complete_mark = "metrics.json"; ///< written last
constexpr const char* choose_another =
    "Choose another folder, so that results and their evaluation stay apart.";

report::Evaluation evaluate(Cohort cohort, const EvaluateOptions& options) {
  report::Evaluation evaluation;
  evaluation.bootstrap = options.bootstrap;
  evaluation.rules = options.rules;
  evaluation.masks_given = options.masks.has_value();
  evaluation.cases = std::move(cohort.cases);
  evaluation.unlabelled = std::move(cohort.unlabelled);
  evaluation.warnings = std::move(cohort.warnings);
  evaluation.age_years = summarise(std::move(cohort.ages_years), {.resamples = 0});
  for (const Node node : all_nodes) {
    stop_if_interrupted();
    evaluation.nodes[node] = evaluate_node(node, evaluation.cases, options.bootstrap);
  }
  evaluation.end_to_end = evaluate_end_to_end(evaluation.cases);
  for (const auto& [label, cases] : by_class(evaluation.cases)) {
    stop_if_interrupted();
    evaluation.detection[label] = evaluate_detection(cases, options.bootstrap);
    if (options.masks) {
      evaluation.segmentation[label] = evaluate_segmentation(cases, options.bootstrap);
    }
  }
  evaluation.subgroups = evaluate_subgroups(evaluation.cases);
  stop_if_interrupted();
  return evaluation;
}

/// Whether it is an output folder of predict, of an interrupted run too, or the folder of a case.
bool holds_predictions(const fs::path& folder) {
  try {
    return fs::exists(folder / "run.json") || fs::exists(folder / "report.json") ||
           (fs::is_directory(folder) && !cases_in(folder).empty());
  } catch (const fs::filesystem_error&) { // that it cannot be written to is said later
    return false;
  }
}

/// Throws if a file that would be written is the label table or, unless it may be replaced, is
/// there.
void require_free_names(const EvaluateOptions& options) {
  std::error_code unknown;
  std::vector<std::string> names{complete_mark, "metrics.tsv",          "worst_cases.tsv",
                                 "report.md",   "confusion_matrix.svg", "dice_by_class.svg"};
  for (const Node node : all_nodes) {
    names.push_back("roc_" + std::string(to_string(node)) + ".svg");
  }
  for (const std::string& name : names) {
    const fs::path file = options.output / name;
    if (fs::equivalent(file, options.labels, unknown)) {
      throw usage_error("the evaluation would replace the label table", choose_another);
    }
    if (!options.overwrite && fs::exists(file, unknown)) {
      throw usage_error("the output folder " + options.output.string() + " already holds " + name +
                            ", of an evaluation or of somebody else",
                        "Use --overwrite to replace it, or another folder with -o.");
    }
  }
}

void check_output(const EvaluateOptions& options) {
  const fs::path& folder = options.output;
  if (lies_in(folder, options.predictions)) {
    throw usage_error("-o names the folder of the predictions or lies in it", choose_another);
  }
  if (holds_predictions(folder)) {
    throw usage_error("-o names " + folder.string() + ", which holds results of predict",
                      choose_another);
  }
  require_free_names(options);
}

void write_files(const report::Evaluation& evaluation, const fs::path& folder) {
  std::error_code unknown;
  fs::remove(folder / complete_mark, unknown);
  for (const auto& [name, svg] : report::evaluation_plots(evaluation)) {
    if (svg) {
      io::write_file_atomically(folder / name, *svg);
    } else {
      fs::remove(folder / name, unknown); // of an evaluation that is replaced
    }
  }
  io::write_file_atomically(folder / "metrics.tsv", report::metrics_table(evaluation));
  io::write_file_atomically(folder / "worst_cases.tsv", report::worst_cases_table(evaluation));
  io::write_file_atomically(folder / "report.md", report::evaluation_markdown(evaluation));
  io::write_file_atomically(folder / complete_mark, report::metrics_json(evaluation));
}

} // namespace

ExitCode run_evaluate(const EvaluateOptions& options, std::ostream& results) {
  io::CaseLoader loader;
  watch_for_interrupts();
  check_output(options);
  Cohort cohort = load_cohort(options, loader);
  const std::size_t unusable = cohort.unusable_files;
  const report::Evaluation evaluation = evaluate(std::move(cohort), options);
  for (const Warning& warning : evaluation.warnings) {
    log_warning(warning.code + ": " + warning.message);
  }
  const OutputFolder output(options.output, Existing::resume);
  write_files(evaluation, output.path());
  log_info(counted(evaluation.cases.size(), "case") + " evaluated; read " +
           (options.output / "report.md").string());
  results << report::evaluation_text(evaluation);
  return unusable == 0 ? ExitCode::ok : ExitCode::some_cases_failed;
}

} // namespace cordlesion::app
