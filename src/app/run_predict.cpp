// The order of a run: loader, models, cases, output folder, each case, tables.
#include "cordlesion/app/run_predict.hpp"

#include "case_queue.hpp"
#include "case_writer.hpp"
#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/app/progress.hpp"
#include "cordlesion/app/run_case.hpp"
#include "cordlesion/app/scan_case.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "cordlesion/report/scan_listing.hpp"
#include "finished_cases.hpp"
#include "run.hpp"
#include "run_settings.hpp"
#include "stopwatch.hpp"
#include "tables.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

namespace cordlesion::app {
namespace {

std::vector<io::CaseInput> shard_of(std::vector<io::CaseInput> cases, const Shard& shard) {
  std::vector<io::CaseInput> mine;
  for (std::size_t i = shard.index - 1; i < cases.size(); i += shard.count) {
    mine.push_back(std::move(cases[i]));
  }
  return mine;
}

report::CaseReport begun_report(const Run& run, const QueuedCase& queued) {
  return {.case_id = queued.input->case_id,
          .outcome = report::CompletedCase{},
          .warnings = {},
          .skipped_files = queued.input->skipped_files,
          .models = run.models,
          .digests = {},
          .timing_ms = {{"load", queued.load_ms}},
          .device = run.networks.device(),
          .precision = run.networks.precision(),
          .identifiers_included = run.options.load.include_identifiers};
}

CaseResult compute(const Run& run, LoadedInput loaded, report::CaseReport& report) {
  std::optional<std::string> mask_digest;
  std::optional<Image> mask;
  if (loaded.corrected) {
    mask_digest = std::move(loaded.corrected->digest);
    mask = std::move(loaded.corrected->image);
  }
  report.digests =
      digests_of(loaded.loaded.digest, mask_digest, run.models, run.networks, run.options);
  CaseResult result = run_case(std::move(loaded.loaded), mask, run.networks, run.settings);
  report.warnings.insert(report.warnings.end(), result.warnings.begin(), result.warnings.end());
  report.timing_ms.merge(result.timing_ms);
  return result;
}

/// A case from its image to everything that is to be written. An error of the case becomes its
/// report.
ComputedCase computed(const Run& run, QueuedCase queued, io::CaseLoader& loader) {
  const io::CaseInput& input = *queued.input;
  ComputedCase done{&input, begun_report(run, queued), std::nullopt, queued.begin};
  try {
    if (const auto* error = std::get_if<Error>(&queued.loaded)) {
      throw Error(*error);
    }
    done.result = compute(run, std::get<LoadedInput>(std::move(queued.loaded)), done.report);
  } catch (const std::exception& error) {
    done.report.outcome = failed_case(run, input, error, Stage::classify, loader);
  }
  return done;
}

/// Each case is loaded while the one before it is computed, and written while the one after it is.
/// What an earlier run left of it is gone from the moment it is begun.
void compute_all(const Run& run, CaseQueue& queue, io::CaseLoader& loader, Progress& progress,
                 CaseWriter& writer) {
  while (!interrupted()) {
    auto queued = queue.next();
    if (!queued) {
      return;
    }
    progress.begin(queued->input->case_id);
    run.output.begin_case(queued->input->case_id);
    writer.start(computed(run, std::move(*queued), loader));
    if (run.options.fail_fast && writer.finish()) {
      log_warning("stopped after the first failed case, as --fail-fast asks");
      return;
    }
  }
}

void process_all(Run& run, const std::vector<io::CaseInput>& cases, io::CaseLoader& loader,
                 Progress& progress) {
  CaseQueue queue(cases, run.options, loader);
  CaseWriter writer(run, loader, progress);
  try {
    compute_all(run, queue, loader, progress, writer);
  } catch (...) {
    try {
      writer.finish();
    } catch (const std::exception& later) {
      log_error(later.what());
    }
    throw;
  }
  writer.finish();
}

void announce(const report::ModelRecord& models) {
  if (models.trained) {
    log_info("model package '" + models.name + "', trained on " + models.trained_on);
  } else {
    log_warning("the model package '" + models.name +
                "' is untrained: it exercises the program, its results mean nothing");
  }
  if (!models.verified) {
    log_warning("the model package '" + models.name + "' is not what its manifest describes");
  }
  if (inference::uses_reference_blas()) {
    log_warning("LibTorch runs on the reference BLAS library, which makes the classifiers many "
                "times slower; install libopenblas0");
  }
}

struct RunInputs {
  std::vector<io::CaseInput> cases; ///< of the shard
  std::vector<Warning> warnings;
  std::string cohort_digest;
};

RunInputs find_cases(const PredictOptions& options, io::CaseLoader& loader) {
  io::FoundCases found = loader.find(options.find);
  for (const Warning& warning : found.warnings) {
    log_warning(warning.code + ": " + warning.message);
  }
  if (options.corrected_masks) {
    check_corrected_masks(*options.corrected_masks, found.cases.size());
    require_outside_output(*options.corrected_masks, options.output);
  }
  std::vector<std::string> case_ids;
  for (const io::CaseInput& input : found.cases) {
    case_ids.push_back(input.case_id);
    OutputFolder::require_free_name(input.case_id);
    if (input.mask) {
      require_outside_output(*input.mask, options.output);
    }
  }
  return {.cases = shard_of(std::move(found.cases), options.shard),
          .warnings = std::move(found.warnings),
          .cohort_digest = cohort_digest_of(std::move(case_ids))};
}

/// All cases, as far as the run comes. If the loading process is gone for good, what is complete
/// stays, as after an interrupt.
void compute_cases(Run& run, std::vector<io::CaseInput> cases, io::CaseLoader& loader) {
  Progress progress(cases.size(), run.options.progress);
  try {
    if (run.options.existing == Existing::resume) {
      take_finished_cases(run, cases, loader, progress);
    }
    process_all(run, cases, loader, progress);
  } catch (const Error& error) {
    if (error.code() != "loader_gone") {
      throw;
    }
    run.stopped = error;
  }
}

ExitCode list_cases(const PredictOptions& options, const std::vector<io::CaseInput>& cases,
                    io::CaseLoader& loader, std::ostream& results) {
  bool failures = false;
  scan_cases(cases, options.load, loader, [&](const report::ScannedCase& scanned) {
    failures = failures || scanned.failure.has_value();
    results << report::scan_text({scanned});
  });
  return failures ? ExitCode::some_cases_failed : ExitCode::ok;
}

} // namespace

ExitCode run_predict(const PredictOptions& asked, std::ostream& results) {
  std::map<std::string, double> timing_ms;
  Stopwatch total(timing_ms);
  Stopwatch watch(timing_ms);
  PredictOptions options = asked;
  options.threads = asked.threads > 0 ? asked.threads : inference::available_threads();
  options.find.excluded = options.output;
  io::CaseLoader loader(options.limits); // forks: before LibTorch starts threads
  watch_for_interrupts();
  const inference::ModelPackage package =
      inference::open_model_package(options.models, options.allow_unverified_models);
  const report::ModelRecord models = model_record(package);
  announce(models);
  if (options.dry_run) {
    return list_cases(options, find_cases(options, loader).cases, loader, results);
  }
  inference::configure_runtime(options.threads);
  inference::Networks networks(package, options.network);
  for (const std::string& reason : networks.not_compiled()) {
    log_info("runs as TorchScript, several times slower than compiled: " + reason);
  }
  watch.lap("load_models");
  RunInputs inputs = find_cases(options, loader);
  watch.lap("find_cases");
  const std::size_t case_count = inputs.cases.size();
  const OutputFolder output(options.output, options.existing);
  for (const io::CaseInput& input : inputs.cases) {
    output.require_room_for(input.case_id); // found now, it costs no case
  }
  output.clear_run_record();

  Run run{.options = options,
          .output = output,
          .networks = networks,
          .settings = case_settings(options, package.manifest),
          .models = models,
          .cohort_digest = inputs.cohort_digest,
          .rows = {},
          .stopped = {}};
  compute_cases(run, std::move(inputs.cases), loader);
  total.lap("total");
  write_run(run, case_count, std::move(inputs.warnings), timing_ms);
  if (interrupted() || run.stopped) {
    log_warning("interrupted: " + std::to_string(run.rows.size()) + " of " +
                std::to_string(case_count) + " cases are done; go on with --resume");
  }
  print_results(results, run.rows);
  if (run.stopped) {
    throw Error(*run.stopped);
  }
  return interrupted() ? ExitCode::interrupted : exit_code_of(run.rows);
}

} // namespace cordlesion::app
