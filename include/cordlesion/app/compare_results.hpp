// Whether two folders of results say the same.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/report/comparison.hpp"

#include <filesystem>
#include <iosfwd>

namespace cordlesion::app {

struct CompareOptions {
  std::filesystem::path expected;
  std::filesystem::path actual;
  report::Tolerances tolerances;
};

/// Compares the cases of two output folders and writes the table of differences and one line that
/// sums it up. Masks are compared where EXPECTED holds them. Returns ok or difference. Throws a
/// usage error if a folder does not exist, an Error with ExitCode::no_input if it holds no results
/// or an expected report or mask cannot be read; what cannot be read in ACTUAL is a difference.
ExitCode compare_results(const CompareOptions& options, std::ostream& results);

} // namespace cordlesion::app
