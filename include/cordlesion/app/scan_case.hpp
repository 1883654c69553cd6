// What `scan` and --dry-run say of cases.
#pragma once

#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/report/scan_listing.hpp"

#include <functional>
#include <vector>

namespace cordlesion::app {

/// Calls `take` for each case in order with its series, the decision on each, and why it cannot be
/// used, if so. Stops with an Error if the user interrupts.
void scan_cases(const std::vector<io::CaseInput>& cases, const io::LoadOptions& options,
                io::CaseLoader& loader,
                const std::function<void(const report::ScannedCase&)>& take);

} // namespace cordlesion::app
