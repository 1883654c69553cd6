// `cordlesion merge`: joins the results of shards.
#include "command.hpp"
#include "cordlesion/app/merge_shards.hpp"

#include <iostream>
#include <map>
#include <memory>

namespace cordlesion::cli {
namespace {

constexpr const char* footer = R"(
Writes what one run over all cases would have written: results.tsv, lesions.tsv and failures.tsv
byte for byte, a run.json with the sums and a list of the shards, and the case folders.

The case folders are hard links to the files of the shards, which take no space; where the file
system has none, copies. No result is lost when the shards are deleted; masks that were kept there
as lesion_mask.kept-N.nii.gz are named and stay. A program that edits a linked file in place
changes it in both: --case-folders copy if masks are to be corrected in place and the shards kept.

Refused are shards that are incomplete (no run.json, interrupted, cases missing, a mask that is not
the one of its report, a part of the division not given), that were run on different cohorts, hold
the same case, or differ in version, models, precision or options that change results. A device or
processor that differs is a warning in run.json.

Exit code 8 if cases failed in a shard, as in one run.

Example:
  cordlesion predict cohort/ -o part1 --shard 1/2
  cordlesion predict cohort/ -o part2 --shard 2/2
  cordlesion merge part1 part2 -o out)";

} // namespace

RunCommand add_merge(CLI::App& app) {
  CLI::App& command =
      *app.add_subcommand("merge", "Join the results of shards as if they were one run");
  command.footer(footer);
  struct Arguments {
    app::MergeOptions options;
    std::string case_folders = "link";
    bool overwrite = false;
  };
  auto arguments = std::make_shared<Arguments>();
  command.add_option("OUT_I", arguments->options.shards, "Output folders of the shards")
      ->required();
  command.add_option("-o,--output", arguments->options.output, "Output folder, created if missing")
      ->required()
      ->type_name("OUT");
  command
      .add_option("--case-folders", arguments->case_folders,
                  "How the case folders get into OUT; none: tables only")
      ->check(CLI::IsMember({"link", "copy", "none"}))
      ->capture_default_str();
  command.add_flag("--overwrite", arguments->overwrite, "Replace earlier results in OUT");
  return [arguments] {
    const std::map<std::string, app::CaseFolders> how{{"link", app::CaseFolders::link},
                                                      {"copy", app::CaseFolders::copy},
                                                      {"none", app::CaseFolders::none}};
    arguments->options.case_folders = how.at(arguments->case_folders);
    if (arguments->overwrite) {
      arguments->options.existing = app::Existing::overwrite;
    }
    return app::merge_shards(arguments->options, std::cout);
  };
}

} // namespace cordlesion::cli
