// A prediction from a report that is parsed already.
#pragma once

#include "cordlesion/report/prediction.hpp"
#include "json_text.hpp"

namespace cordlesion::report {

/// As the one from the text.
Prediction prediction_of(const Json& report);

} // namespace cordlesion::report
