// The cases of a run in order, each loaded while the one before it is computed.
#pragma once

#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/predict_options.hpp"
#include "cordlesion/core/error.hpp"
#include "cordlesion/io/case_loader.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

namespace cordlesion::app {

/// An image and, if masks were given, its corrected mask.
struct LoadedInput {
  io::LoadedCase loaded;
  std::optional<io::LoadedVolume> corrected;
};

struct QueuedCase {
  const io::CaseInput* input = nullptr;
  std::variant<LoadedInput, Error> loaded;     ///< the error if it could not be loaded
  std::chrono::steady_clock::time_point begin; ///< when the loader began to be waited for
  double load_ms = 0;                          ///< time waited for the loader
};

class CaseQueue {
 public:
  /// `cases` must outlive the queue. Starts loading the first.
  CaseQueue(const std::vector<io::CaseInput>& cases, const PredictOptions& options,
            io::CaseLoader& loader);

  /// The next case, loaded; the one after it starts loading. None at the end.
  std::optional<QueuedCase> next();

 private:
  void start();
  LoadedInput finish();

  const std::vector<io::CaseInput>& cases_;
  const PredictOptions& options_;
  io::CaseLoader& loader_;
  std::size_t position_ = 0;
  bool has_mask_ = false;             ///< the case being loaded has a corrected mask
  std::optional<Error> mask_failure_; ///< why none could be looked for
};

} // namespace cordlesion::app
