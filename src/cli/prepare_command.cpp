// `cordlesion prepare`: writes the exact network inputs of a cohort, for training.
#include "command.hpp"
#include "cordlesion/app/prepare_cohort.hpp"
#include "default_models.hpp"
#include "input_options.hpp"

#include <memory>

namespace cordlesion::cli {

RunCommand add_prepare(CLI::App& app) {
  CLI::App& command = *app.add_subcommand(
      "prepare", "Write the exact network inputs of each case of a cohort as NIfTI stacks");
  command.footer(R"(
The cohort is a tab-separated table with the columns case_id, image and optionally mask; further
columns (label, split) are carried over to OUT/prepared.tsv. Paths are relative to the table.
Writes OUT/<case_id>/image.nii.gz (float32, columns x rows x slices) and mask.nii.gz (uint8),
and OUT/warnings.tsv with what should be known of them.
Training reads these files, so training and inference share one preprocessing.

Example:
  cordlesion prepare --cohort cohort.tsv -o prepared)");
  struct Arguments {
    app::PrepareOptions options;
    ReadingOptions reading;
    std::string models;
  };
  auto arguments = std::make_shared<Arguments>();
  command.add_option("--cohort", arguments->options.cohort, "Cohort table")
      ->required()
      ->type_name("FILE.tsv");
  command.add_option("-o,--output", arguments->options.output, "Output folder")
      ->required()
      ->type_name("OUT");
  command
      .add_option("--models", arguments->models,
                  "Package whose manifest says size, fit and normalisation [the installed one]")
      ->type_name("DIR");
  add_reading_options(command, arguments->reading);
  add_load_timeout_option(command, arguments->options.limits);
  return [arguments] {
    arguments->options.load = load_options(arguments->reading);
    arguments->options.models =
        arguments->models.empty() ? default_models() : std::filesystem::path(arguments->models);
    return app::prepare_cohort(arguments->options);
  };
}

} // namespace cordlesion::cli
