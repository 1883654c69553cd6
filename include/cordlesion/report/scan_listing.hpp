// What `scan` shows: every case with its series and the decision on each.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/series.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::report {

struct ScannedCase {
  std::string case_id;
  std::string format; ///< dicom or volume_file
  std::size_t files = 0;
  std::size_t skipped_files = 0; ///< beside them and no images
  std::vector<SeriesCandidate> candidates;
  std::optional<Error> failure; ///< why nothing in it can be used
  std::vector<Warning> warnings;
};

/// One JSON array of cases.
std::string scan_json(const std::vector<ScannedCase>& cases);
/// The same for a reader: a few aligned lines per case.
std::string scan_text(const std::vector<ScannedCase>& cases);

} // namespace cordlesion::report
