// What `scan` and --dry-run say of a case.
#pragma once

#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/report/scan_listing.hpp"

namespace cordlesion::app {

/// Its series with the decision on each, and why it cannot be used, if so.
report::ScannedCase scan_case(const io::CaseInput& input, const io::LoadOptions& options,
                              io::CaseLoader& loader);

} // namespace cordlesion::app
