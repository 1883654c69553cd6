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
  if (position_ < cases_.size()) {
    loader_.start(cases_[position_], options_.load);
  }
}

LoadedInput CaseQueue::finish(const io::CaseInput& input) {
  LoadedInput result{loader_.finish(), std::nullopt};
  if (const auto mask = corrected_mask_of(input, options_.corrected_masks)) {
    result.corrected = loader_.load_volume(*mask, mask->parent_path(), options_.load.volume_choice);
  }
  return result;
}

std::optional<QueuedCase> CaseQueue::next() {
  if (position_ == cases_.size()) {
    return std::nullopt;
  }
  const io::CaseInput& input = cases_[position_];
  const auto begin = std::chrono::steady_clock::now();
  QueuedCase queued{.input = &input, .loaded = LoadedInput{}};
  try {
    queued.loaded = finish(input);
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::some_cases_failed) {
      throw;
    }
    queued.loaded = error;
  }
  queued.load_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  ++position_;
  start();
  return queued;
}

} // namespace cordlesion::app
