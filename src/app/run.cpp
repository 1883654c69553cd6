// Tables and run.json of a run.
#include "run.hpp"

#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/core/exact_text.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/io/volume_writer.hpp"
#include "cordlesion/report/run_record.hpp"
#include "results_folder.hpp"
#include "tables.hpp"

#include <set>
#include <utility>

namespace cordlesion::app {
namespace {

std::map<std::string, std::size_t> counts_of(const Run& run, std::size_t cases) {
  std::map<std::string, std::size_t> counts = count_by_status(run.rows);
  counts["cases"] = cases;
  counts["resumed"] = run.resumed;
  return counts;
}

/// The rows of all cases in the output folder. A damaged report of a case that is not in this run
/// becomes a warning.
std::vector<report::CaseRows> rows_in_output(const Run& run, std::vector<Warning>& warnings) {
  std::set<std::string> own;
  for (const report::CaseRows& row : run.rows) {
    own.insert(row.case_id);
  }
  std::vector<report::CaseRows> rows = run.rows;
  for (const std::string& name : run.output.other_cases(own)) {
    if (auto found = rows_in(run.output.path() / name)) {
      rows.push_back(std::move(*found));
    } else {
      warnings.push_back(
          {"report_damaged", name + "/report.json: no whole report on a case " + name +
                                 "; left out of the tables: remove it, or predict the case again"});
      log_warning(warnings.back().code + ": " + warnings.back().message);
    }
  }
  return rows;
}

/// Everything that was asked for, with the values in force where the package decides.
std::map<std::string, std::string> options_in_force(const Run& run) {
  std::map<std::string, std::string> options = result_options(run.options);
  const Shard& shard = run.options.shard;
  options["shard"] = std::to_string(shard.index) + "/" + std::to_string(shard.count);
  options["min_lesion_mm3"] = exact_text(run.settings.min_lesion_mm3);
  for (const auto& [node, threshold] : run.settings.cascade.thresholds) {
    options["threshold." + std::string(to_string(node))] = exact_text(threshold);
  }
  options["allow_unverified_models"] = run.options.allow_unverified_models ? "true" : "false";
  options["fail_fast"] = run.options.fail_fast ? "true" : "false";
  options["load_timeout_s"] = std::to_string(run.options.limits.seconds_per_case);
  return options;
}

report::RunRecord record_of(const Run& run, std::size_t cases, const std::vector<Warning>& warnings,
                            const std::map<std::string, double>& timing_ms) {
  return report::RunRecord{.options = options_in_force(run),
                           .versions = {{"libtorch", inference::torch_version()},
                                        {"itk", io::itk_version()},
                                        {"engine", run.networks.engine()},
                                        {"cpu_capability", inference::cpu_capability()}},
                           .models = run.models,
                           .device = run.networks.device(),
                           .precision = run.networks.precision(),
                           .threads = run.options.threads,
                           .counts = counts_of(run, cases),
                           .case_ids = case_ids_of(run.rows),
                           .cohort_digest = run.cohort_digest,
                           .timing_ms = timing_ms,
                           .warnings = warnings,
                           .interrupted = interrupted() || run.stopped.has_value(),
                           .shards = {}};
}

} // namespace

void write_run(const Run& run, std::size_t cases, std::vector<Warning> warnings,
               const std::map<std::string, double>& timing_ms) {
  write_tables(run.output.path(), rows_in_output(run, warnings));
  io::write_file_atomically(run.output.path() / "run.json",
                            report::to_json(record_of(run, cases, warnings, timing_ms)));
}

} // namespace cordlesion::app
