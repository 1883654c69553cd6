// A whole run of `predict`: every case to its report, then the tables.
#pragma once

#include "cordlesion/app/predict_options.hpp"
#include "cordlesion/core/error.hpp"

#include <iosfwd>

namespace cordlesion::app {

/// Runs all cases; one bad case never stops the others. The compact results go to `results`, one
/// line per case. Throws an Error for what stops the whole run (usage, no input, models, output).
ExitCode run_predict(const PredictOptions& options, std::ostream& results);

} // namespace cordlesion::app
