// Loading ahead by one case.
#include "case_queue.hpp"

#include <chrono>
#include <utility>

namespace cordlesion::app {

CaseQueue::CaseQueue(const std::vector<io::CaseInput>& cases, const PredictOptions& options,
                     io::CaseLoader& loader)
    : cases_(cases), options_(options), loader_(loader) {
  start();
}

void CaseQueue::start() {
  if (position_ == cases_.size()) {
    return;
  }
  const io::CaseInput& input = cases_[position_];
  loader_.start(input, options_.load);
  has_mask_ = false;
  mask_failure_.reset();
  try {
    if (const auto mask = corrected_mask_of(input, options_.corrected_masks)) {
      loader_.start_volume(*mask, mask->parent_path(), options_.load.volume_choice);
      has_mask_ = true;
    }
  } catch (const Error& error) {
    mask_failure_ = error;
  }
}

LoadedInput CaseQueue::finish() {
  LoadedInput result{loader_.finish(), std::nullopt};
  if (mask_failure_) {
    throw Error(*mask_failure_);
  }
  if (has_mask_) {
    result.corrected = loader_.finish_volume();
  }
  return result;
}

std::optional<QueuedCase> CaseQueue::next() {
  if (position_ == cases_.size()) {
    return std::nullopt;
  }
  QueuedCase queued{.input = &cases_[position_],
                    .loaded = LoadedInput{},
                    .begin = std::chrono::steady_clock::now()};
  try {
    queued.loaded = finish();
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::some_cases_failed) {
      throw;
    }
    queued.loaded = error;
  }
  queued.load_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - queued.begin)
          .count();
  ++position_;
  start();
  return queued;
}

} // namespace cordlesion::app
