// What `scan` and --dry-run say of a case.
#pragma once

#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/report/scan_listing.hpp"

namespace cordlesion::app {

/// Its series with the decision on each, or why it cannot be used. No pixel is read.
report::ScannedCase scan_case(const io::CaseInput& input, const io::LoadOptions& options,
                              io::CaseLoader& loader);

} // namespace cordlesion::app
