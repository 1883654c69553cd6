// Series of a study, what they are, and which of them is the sagittal T2.
#pragma once

#include "cordlesion/core/geometry.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion {

/// What a series' own header says of it; missing values are none, never 0. No identity.
struct SeriesInfo {
  std::string uid_digest;  ///< first 16 hex digits of the SHA-256 of the SeriesInstanceUID
  std::string description; ///< SeriesDescription; empty unless identifiers are included
  std::string modality;
  std::vector<std::string> image_type;
  std::string scanning_sequence; ///< for example "SE", "IR\\SE"
  std::string sequence_variant;
  std::optional<double> repetition_time_ms;
  std::optional<double> echo_time_ms;
  std::optional<double> inversion_time_ms;
  std::optional<double> b_value;
  bool contrast_agent = false;
  std::string transfer_syntax;
  std::size_t files = 0;
  Grid grid;                     ///< valid only if `readable`
  bool readable = false;         ///< geometry could be established
  double sagittal_angle_deg = 0; ///< slice normal to left-right
  std::string weighting; ///< T2, T1, STIR, FLAIR, PD, T2*, diffusion, map, unknown: from TR, TE, TI
};

/// One stack of slices (a series, or a part of one split by orientation, echo, stack or time) with
/// the decision on it.
struct SeriesCandidate {
  SeriesInfo info;
  bool accepted = false; ///< could serve as the sagittal T2
  bool chosen = false;
  double score = 0;   ///< among the accepted, highest wins
  std::string reason; ///< one sentence, for example "TI 110 ms: STIR, not T2"
};

} // namespace cordlesion
