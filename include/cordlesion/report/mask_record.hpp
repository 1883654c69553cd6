// What a report says of the mask beside it, to see whether they still belong together.
#pragma once

#include "cordlesion/core/geometry.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace cordlesion::report {

struct MaskRecord {
  Grid grid;              ///< of the source image, LPS millimetres
  std::size_t voxels = 0; ///< that are lesion
  bool of_network = true; ///< or else a corrected mask, which has no probabilities
};

/// None if the text is no complete report (`ok` or `no_lesion`).
std::optional<MaskRecord> mask_record_of(const std::string& report_json);

} // namespace cordlesion::report
