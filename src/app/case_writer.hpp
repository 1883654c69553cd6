// The files of each case, its report last, written while the next case is computed.
#pragma once

#include "cordlesion/app/progress.hpp"
#include "cordlesion/app/run_case.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/report/case_report.hpp"
#include "run.hpp"

#include <chrono>
#include <exception>
#include <future>
#include <optional>

namespace cordlesion::app {

/// A case whose files are still to be written.
struct ComputedCase {
  const io::CaseInput* input = nullptr;
  report::CaseReport report;
  std::optional<CaseResult> result; ///< none if it failed; its record becomes the report's outcome
  std::chrono::steady_clock::time_point begin;
};

/// The outcome of a case that failed, with what its series are where that can still be said. Throws
/// the error again if it is not one of the case alone.
/// @param stage  where, if the error does not say it
report::FailedCase failed_case(const Run& run, const io::CaseInput& input,
                               const std::exception& failure, Stage stage, io::CaseLoader& loader);

/// Writes one case at a time. A case that cannot be written becomes a failed one.
class CaseWriter {
 public:
  CaseWriter(Run& run, io::CaseLoader& loader, Progress& progress);
  CaseWriter(const CaseWriter&) = delete;
  CaseWriter& operator=(const CaseWriter&) = delete;

  /// Waits for the case before and starts to write this one.
  void start(ComputedCase computed);
  /// Waits for the case that is being written, if any, adds its rows to the run, and returns
  /// whether it failed. If the run cannot go on, nothing of the case stays and the error is thrown.
  bool finish();

 private:
  void write();
  void replace_by_failure(const std::exception& failure);
  void clear_if_possible(const std::string& case_id) const;

  Run& run_;
  io::CaseLoader& loader_;
  Progress& progress_;
  std::optional<ComputedCase> computed_; ///< the writing thread's, while `writing_` is valid
  std::future<void> writing_;            ///< last, so that it is waited for first
};

} // namespace cordlesion::app
