// `cordlesion evaluate`: the paper's tables on one's own cohort.
#include "command.hpp"
#include "cordlesion/app/run_evaluate.hpp"
#include "input_options.hpp"
#include "number_checks.hpp"

#include <iostream>
#include <memory>

namespace cordlesion::cli {
namespace {

constexpr const char* footer = R"(
Labels: a tab-separated table with the columns case_id and label (astrocytoma, ependymoma, ms, nmosd
or healthy). The column age makes bands, any other column with at most 10 distinct values (sex,
difficult, site, split) makes subgroups. Empty cells, n/a, NA and NaN are values not given.
Masks: DIR/<case_id>.nii.gz or DIR/<case_id>/lesion_mask.nii.gz; a healthy case needs none.
Predict with --all-nodes, so that every case is counted at its own nodes whatever the first node said.

Outputs: DIR/report.md (read this first), metrics.json, metrics.tsv, worst_cases.tsv, and as SVG
roc_<node>, confusion_matrix and dice_by_class. Undefined values are null or n/a. Definitions:
models/README.md, Evaluation.

Exit codes: 0 done, failed and missing cases being counted; 2 wrong labels, folders or options;
3 no labelled case among the predictions; 5 output not writable; 8 a report or a mask could not be
used, the rest is evaluated.

Example:
  cordlesion predict cohort/ -o out --all-nodes
  cordlesion evaluate --predictions out --labels labels.tsv --masks reference/ -o evaluation)";

void add_statistics_options(CLI::App& command, app::EvaluateOptions& options) {
  command
      .add_option("--bootstrap", options.bootstrap.resamples, "Stratified resamples for intervals")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--seed", options.bootstrap.seed, "Seed of the resamples")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--surface-tolerance-mm", options.rules.surface_tolerance_mm,
                  "Distance at which surfaces still agree, for the normalised surface distance")
      ->check(number_between(0, 1000))
      ->type_name("MM")
      ->capture_default_str();
  command
      .add_option(
          "--lesion-overlap", options.rules.lesion_overlap,
          "Share of a lesion's voxels in the other mask from which it counts as matched; 0: "
          "one voxel is enough")
      ->check(number_between(0, 1))
      ->type_name("F")
      ->capture_default_str();
}

} // namespace

RunCommand add_evaluate(CLI::App& app) {
  CLI::App& command = *app.add_subcommand(
      "evaluate", "Score the predictions of a cohort against its reference standard");
  command.footer(footer);
  auto options = std::make_shared<app::EvaluateOptions>();
  command.add_option("--predictions", options->predictions, "Output folder of predict")
      ->required()
      ->type_name("OUT");
  command.add_option("--labels", options->labels, "Table of the true classes")
      ->required()
      ->type_name("FILE.tsv");
  auto masks = std::make_shared<std::string>();
  command.add_option("--masks", *masks, "Folder of reference masks")->type_name("DIR");
  add_prefer_option(command, options->mask_choice);
  command.add_option("-o,--output", options->output, "Output folder")->required()->type_name("DIR");
  command.add_flag("--overwrite", options->overwrite, "Replace an evaluation that DIR holds");
  add_statistics_options(command, *options);
  return [options, masks] {
    if (!masks->empty()) {
      options->masks = *masks;
    }
    return app::run_evaluate(*options, std::cout);
  };
}

} // namespace cordlesion::cli
