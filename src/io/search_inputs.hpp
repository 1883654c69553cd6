// Search of the user's inputs: which files may be images. Runs in a worker, for a disk may stall.
#pragma once

#include "case_source.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "dicom_pixels.hpp"

#include <vector>

namespace cordlesion::io {

struct SearchedInputs {
  std::vector<CaseSource> sources;
  std::vector<Warning> warnings;
};

/// Throws usage errors: a missing input, a wrong case list.
/// @param note  called with the name of each file before it is looked at
SearchedInputs search_inputs(const FindRequest& request, const NoteFile& note);

} // namespace cordlesion::io
