// Checks of shards, then their case folders, tables and run.json in one folder.
#include "cordlesion/app/merge_shards.hpp"

#include "cordlesion/app/logging.hpp"
#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/core/counted.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/report/merged_run.hpp"
#include "results_folder.hpp"
#include "tables.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

struct MergedCase {
  fs::path shard;
  std::optional<std::string> mask_digest; ///< that its report gives
};

/// What all shards hold together.
struct Merged {
  std::vector<report::ShardRun> runs;
  std::vector<report::CaseRows> rows;
  std::map<std::string, MergedCase> cases; ///< by case_id
};

Error incomplete(const fs::path& folder, const std::string& what) {
  return usage_error(shown(folder) + " is incomplete: " + what,
                     "Complete it first: run the predict command that wrote it again with "
                     "--resume.");
}

report::RunRecord run_of(const fs::path& folder) {
  if (!fs::exists(folder / "run.json")) {
    throw incomplete(folder, "it holds no run.json, so its run has not come to its end");
  }
  auto run = report::run_record_of(text_of_file(folder / "run.json"));
  if (!run) {
    throw Error(ExitCode::no_input, Stage::find, "no_results",
                shown(folder) + "/run.json was not written by predict of this version",
                "Give the output folder of predict.");
  }
  if (run->interrupted) {
    throw incomplete(folder, "its run was interrupted");
  }
  return *run;
}

/// Throws if the files that a report speaks of are not beside it, whole. Returns the mask's digest.
std::optional<std::string> require_files_of(const fs::path& case_folder,
                                            const std::string& status) {
  std::error_code unknown;
  const auto digests = digests_in(case_folder);
  const auto require = [&](const char* name, const std::optional<std::string>& digest) {
    if (digest && !is_file_of(case_folder / name, digest)) {
      throw incomplete(case_folder.parent_path(),
                       (case_folder.filename() / name).string() +
                           " is missing, cannot be read, or is not the one of its report");
    }
  };
  if (digests) {
    require("lesion_mask.nii.gz", digests->lesion_mask);
    require("lesion_probability.nii.gz", digests->lesion_probability);
    return digests->lesion_mask;
  }
  if (status != "failed" && !fs::is_regular_file(case_folder / "lesion_mask.nii.gz", unknown)) {
    throw incomplete(case_folder.parent_path(),
                     case_folder.filename().string() + "/lesion_mask.nii.gz is missing");
  }
  return std::nullopt;
}

void add_case(Merged& merged, MergedCase found, report::CaseRows row) {
  const fs::path folder = found.shard;
  const auto [known, is_new] = merged.cases.try_emplace(row.case_id, std::move(found));
  if (!is_new) {
    throw usage_error("case " + row.case_id + " is in " + shown(known->second.shard) + " and in " +
                          shown(folder),
                      "Give each case once: merge shards of one division of the cases only.");
  }
  merged.rows.push_back(std::move(row));
}

void add_shard(Merged& merged, const fs::path& folder) {
  require_results(folder);
  report::RunRecord run = run_of(folder);
  std::size_t found = 0;
  for (const std::string& name : run.case_ids) { // not what earlier divisions left in the folder
    if (auto rows = rows_in(folder / name)) {
      const auto mask_digest = require_files_of(folder / name, rows->status);
      add_case(merged, {folder, mask_digest}, std::move(*rows));
      ++found;
    }
  }
  const std::size_t announced = run.counts["cases"];
  if (found < announced) {
    throw incomplete(folder, "its run.json counts " + counted(announced, "case") +
                                 ", the reports of " + std::to_string(found) + " are there");
  }
  merged.runs.push_back({shown(folder), std::move(run)});
}

/// Hard links where they can be had, and copies where not, also of what a link leads to.
void take_file(const fs::path& source, const fs::path& target, CaseFolders how) {
  std::error_code failure;
  if (how == CaseFolders::link && !fs::is_symlink(source)) {
    fs::create_hard_link(source, target, failure);
    if (!failure) {
      return;
    }
  }
  const std::string content = text_of_file(source);
  if (content.empty()) {
    throw Error(ExitCode::no_input, Stage::read, "file_unreadable",
                source.parent_path().filename().string() + "/" + source.filename().string() +
                    " of a shard cannot be read",
                "Check its permissions.");
  }
  io::write_file_atomically(target, content);
}

/// Masks of readers that later runs have set aside: no part of the results.
void warn_of_kept_masks(const Merged& merged) {
  for (const auto& [case_id, merged_case] : merged.cases) {
    const fs::path& shard = merged_case.shard;
    for (const fs::directory_entry& entry : fs::directory_iterator(shard / case_id)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(kept_mask_prefix)) {
        log_warning(case_id + ": " + name + " stays in " + shown(shard));
      }
    }
  }
}

void take_cases(const Merged& merged, const OutputFolder& output, CaseFolders how) {
  for (const auto& [case_id, merged_case] : merged.cases) {
    const fs::path source = merged_case.shard / case_id;
    const fs::path folder = output.case_folder(case_id);
    output.begin_case(case_id, merged_case.mask_digest);
    for (auto name = case_files.rbegin(); name != case_files.rend(); ++name) { // report last
      if (fs::exists(source / *name)) {
        take_file(source / *name, folder / *name, how);
      }
    }
  }
}

void require_separate(const MergeOptions& options) {
  for (const fs::path& shard : options.shards) {
    if (lies_in(options.output, shard) || lies_in(shard, options.output)) {
      throw usage_error("the output folder " + shown(options.output) + " and the shard " +
                            shown(shard) + " are the same or lie in each other",
                        "Choose another folder with -o.");
    }
  }
}

} // namespace

ExitCode merge_shards(const MergeOptions& options, std::ostream& results) {
  require_separate(options);
  Merged merged;
  for (const fs::path& folder : options.shards) {
    add_shard(merged, folder);
  }
  report::RunRecord run = report::merged_run(merged.runs);
  run.counts.merge(count_by_status(merged.rows));
  run.counts["cases"] = merged.rows.size();
  run.case_ids = case_ids_of(merged.rows);
  run.cohort_digest = cohort_digest_of(run.case_ids);
  for (const Warning& warning : run.warnings) {
    log_warning(warning.code + ": " + warning.message);
  }
  const OutputFolder output(options.output, options.existing);
  if (options.case_folders != CaseFolders::none) {
    take_cases(merged, output, options.case_folders);
  }
  warn_of_kept_masks(merged);
  write_tables(output.path(), merged.rows);
  io::write_file_atomically(output.path() / "run.json", report::to_json(run));
  log_info(counted(merged.rows.size(), "case") + " of " + counted(options.shards.size(), "shard"));
  print_results(results, merged.rows);
  return exit_code_of(merged.rows);
}

} // namespace cordlesion::app
