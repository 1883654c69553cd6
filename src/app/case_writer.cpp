// Output of one case in a thread of its own.
#include "case_writer.hpp"

#include "cordlesion/app/logging.hpp"
#include "cordlesion/core/digest.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/io/volume_writer.hpp"
#include "cordlesion/report/report_json.hpp"
#include "stopwatch.hpp"

#include <string>
#include <utility>

namespace cordlesion::app {
namespace {

/// The error as one of its case; thrown if it is not.
Error failure_of_case(const std::exception& failure, Stage stage) {
  const auto* error = dynamic_cast<const Error*>(&failure);
  if (error == nullptr) {
    return case_error(stage, "internal_error",
                      "unexpected failure while " +
                          std::string(stage == Stage::write ? "writing" : "computing") +
                          " this case: " + reason_of(failure),
                      "Please report this with the version and the kind of input.");
  }
  if (error->exit_code() != ExitCode::some_cases_failed) {
    throw Error(*error);
  }
  return *error;
}

/// A disk that stalled is not waited for again.
std::vector<SeriesCandidate> candidates_of_failed(const Run& run, const io::CaseInput& input,
                                                  const Error& failure, io::CaseLoader& loader) {
  if (input.format != io::CaseInput::Format::dicom || input.failure ||
      failure.code() == "reader_timeout") {
    return {};
  }
  return loader.describe(input, run.options.load).candidates;
}

/// Mask and probability. Writing them re-reads them; the mask's corner error goes into the record,
/// their digests into the report's.
void write_images(const OutputFolder& output, const std::string& case_id, CaseResult& result,
                  report::Digests& digests) {
  const auto folder = output.case_folder(case_id);
  const auto probability = folder / "lesion_probability.nii.gz";
  const auto mask = folder / "lesion_mask.nii.gz";
  if (result.probability) {
    io::write_nifti(probability, *result.probability);
    digests.lesion_probability = sha256_of_file(probability);
  }
  result.record.max_corner_error_mm = io::write_nifti(mask, result.mask);
  digests.lesion_mask = sha256_of_file(mask);
}

/// The mark that a case is done. Returns its rows in the tables, made from the text as a later run
/// would make them.
report::CaseRows write_report(const OutputFolder& output, const report::CaseReport& report) {
  const std::string text = report::to_json(report);
  io::write_file_atomically(output.case_folder(report.case_id) / "report.json", text);
  return report::rows_of(text).value();
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace

report::FailedCase failed_case(const Run& run, const io::CaseInput& input,
                               const std::exception& failure, Stage stage, io::CaseLoader& loader) {
  const Error error = failure_of_case(failure, stage);
  return {error, candidates_of_failed(run, input, error, loader)};
}

CaseWriter::CaseWriter(Run& run, io::CaseLoader& loader, Progress& progress)
    : run_(run), loader_(loader), progress_(progress) {}

void CaseWriter::start(ComputedCase computed) {
  finish();
  computed_ = std::move(computed);
  // Where no thread can be had, it is written when it is waited for.
  writing_ = std::async(std::launch::async | std::launch::deferred, [this] { write(); });
}

bool CaseWriter::finish() {
  if (!writing_.valid()) {
    return false;
  }
  try {
    writing_.get();
  } catch (const std::exception& failure) {
    replace_by_failure(failure);
  }
  return report::status_of(computed_->report) == "failed";
}

/// Runs in the writing thread, which owns the case and the run's rows for so long.
void CaseWriter::write() {
  report::CaseReport& report = computed_->report;
  if (computed_->result) {
    Stopwatch watch(report.timing_ms);
    run_.output.begin_writing(report.case_id);
    write_images(run_.output, report.case_id, *computed_->result, report.digests);
    watch.lap("write");
    report.outcome = std::move(computed_->result->record);
    computed_->result.reset(); // the next case needs the memory
  }
  run_.rows.push_back(write_report(run_.output, report));
  run_.output.end_writing(report.case_id);
  progress_.end(report, seconds_since(computed_->begin));
}

void CaseWriter::replace_by_failure(const std::exception& failure) {
  const std::string& case_id = computed_->report.case_id;
  try {
    computed_->report.outcome =
        failed_case(run_, *computed_->input, failure, Stage::write, loader_);
    computed_->report.digests.lesion_mask.reset();
    computed_->report.digests.lesion_probability.reset();
    run_.output.clear_case(case_id);
    computed_->result.reset();
    write();
  } catch (...) {
    clear_if_possible(case_id);
    throw;
  }
}

/// Beside a failure, which must not be replaced by another.
void CaseWriter::clear_if_possible(const std::string& case_id) const {
  try {
    run_.output.clear_case(case_id);
  } catch (const Error& error) {
    log_error(error.what());
  }
}

} // namespace cordlesion::app
