// What a sequence is, from its timing; its name decides only where the timing is not given.
#pragma once

#include "dicom_frame.hpp"

#include <string>

namespace cordlesion::io {

struct Weighting {
  std::string kind;     ///< T2, T1, STIR, FLAIR, PD, T2*, diffusion, map, unknown
  std::string evidence; ///< the numbers it rests on, for example "TR 3203 ms, TE 110 ms"
  bool from_timing = false;
};

Weighting weighting_of(const DicomFrame& frame);

/// The weighting that a series' names announce; `unknown` if none.
std::string named_weighting(const DicomFrame& frame);

/// True if a name says localizer. Fast ones have the timing of a T2.
bool named_localizer(const DicomFrame& frame);

/// True if body part or names say head, and none of them spine. The sagittal T2 of the brain comes
/// with that of the cord in the studies of demyelination.
bool named_head(const DicomFrame& frame);

} // namespace cordlesion::io
