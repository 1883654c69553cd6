// How far a run is: a bar on a terminal, one line per case elsewhere.
#pragma once

#include "cordlesion/app/predict_options.hpp"
#include "cordlesion/report/case_report.hpp"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace cordlesion::app {

/// Cases end in another thread than the next ones begin.
class Progress {
 public:
  Progress(std::size_t cases, ProgressStyle style);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(const std::string& case_id);
  void end(const report::CaseReport& report, double seconds);
  void skip(const std::string& case_id); ///< complete from an earlier run

 private:
  void draw() const;

  std::mutex mutex_;
  std::string current_; ///< the case being computed
  std::size_t cases_;
  std::size_t done_ = 0;
  std::size_t computed_ = 0;
  bool bar_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The bar itself, for example `[#####---------------] 3/12 cases  1.20 s/case  00:00:11 left`.
std::string progress_bar(std::size_t done, std::size_t cases, double seconds_per_case);

/// One line on a finished case, for example `sub-01: ependymoma (tumor 0.91, ependymoma 0.77),
/// lesions 1, 812.5 mm3, slices 4, 1.32 s`.
std::string case_line(const report::CaseReport& report, double seconds);

} // namespace cordlesion::app
