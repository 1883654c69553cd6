// The progress bar and the line per case.
#include "cordlesion/app/progress.hpp"

#include "cordlesion/app/logging.hpp"

#include <cmath>
#include <iomanip>
#include <sstream>
#include <variant>

namespace cordlesion::app {
namespace {

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

std::string clock_text(double seconds) {
  const auto total = static_cast<long>(std::ceil(seconds));
  std::ostringstream text;
  text << std::setfill('0') << std::setw(2) << total / 3600 << ':' << std::setw(2)
       << total / 60 % 60 << ':' << std::setw(2) << total % 60;
  return text.str();
}

/// The probabilities along the path: `tumor 0.91, ependymoma 0.77`.
std::string path_text(const CascadeResult& result) {
  std::string text;
  std::optional<Node> node = Node::tumor_vs_demyelination;
  while (node) {
    const auto* outcome = std::get_if<NodeOutcome>(&result.nodes.at(*node));
    if (outcome == nullptr || !outcome->reached) {
      break;
    }
    const NodeClasses classes = classes_of(*node);
    const bool second = outcome->decision != classes.first;
    const double p = second ? outcome->second_probability : 1 - outcome->second_probability;
    text += (text.empty() ? "" : ", ") + std::string(second ? classes.second : classes.first) +
            ' ' + fixed(p, 2);
    node = next_node(outcome->decision);
  }
  return text;
}

} // namespace

std::string progress_bar(std::size_t done, std::size_t cases, double seconds_per_case) {
  constexpr std::size_t width = 24;
  const std::size_t filled = cases == 0 ? width : done * width / cases;
  std::string text = '[' + std::string(filled, '#') + std::string(width - filled, '-') + "] " +
                     std::to_string(done) + '/' + std::to_string(cases) + " cases";
  if (seconds_per_case > 0) {
    text += "  " + fixed(seconds_per_case, 2) + " s/case  " +
            clock_text(seconds_per_case * static_cast<double>(cases - done)) + " left";
  }
  return text;
}

std::string case_line(const report::CaseReport& report, double seconds) {
  const std::string time = ", " + fixed(seconds, 2) + " s";
  if (const auto* failed = std::get_if<report::FailedCase>(&report.outcome)) {
    const Error& error = failed->error;
    return report.case_id + ": failed (" + std::string(to_string(error.stage())) + ", " +
           error.code() + "): " + error.what() + (error.hint().empty() ? "" : ". " + error.hint()) +
           time;
  }
  const auto& done = std::get<report::CompletedCase>(report.outcome);
  if (done.lesions.empty()) {
    return report.case_id + ": no lesion" + time;
  }
  return report.case_id + ": " + done.classification.label.value_or("") + " (" +
         path_text(done.classification) + "), lesions " + std::to_string(done.lesions.size()) +
         (done.input.missing_slices ? "" : ", " + fixed(done.segmentation.volume_mm3, 1) + " mm3") +
         ", slices " + std::to_string(done.selected_slices.size()) + time;
}

Progress::Progress(std::size_t cases, ProgressStyle style)
    : cases_(cases), bar_(style == ProgressStyle::automatic && stderr_is_terminal()) {}

Progress::~Progress() {
  set_status_line("");
}

void Progress::begin(const std::string& case_id) {
  const std::lock_guard<std::mutex> guard(mutex_);
  current_ = case_id;
  draw();
}

void Progress::end(const report::CaseReport& report, double seconds) {
  const std::lock_guard<std::mutex> guard(mutex_);
  ++done_;
  ++computed_;
  for (const Warning& warning : report.warnings) {
    log_warning(report.case_id + ": " + warning.code + ": " + warning.message);
  }
  if (report::status_of(report) == "failed") {
    log_error(case_line(report, seconds));
  } else {
    log_info(case_line(report, seconds));
  }
  if (current_ == report.case_id) {
    current_.clear();
  }
  draw();
}

void Progress::skip(const std::string& case_id) {
  const std::lock_guard<std::mutex> guard(mutex_);
  ++done_;
  log_info(case_id + ": complete from an earlier run");
  draw();
}

void Progress::draw() const {
  if (!bar_) {
    return;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  const double rate = computed_ == 0 ? 0 : elapsed.count() / static_cast<double>(computed_);
  set_status_line(progress_bar(done_, cases_, rate) + (current_.empty() ? "" : "  " + current_));
}

} // namespace cordlesion::app
