// The pixels of a chosen series as a float32 volume.
#pragma once

#include "cordlesion/core/volume.hpp"
#include "series_selection.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace cordlesion::io {

/// Called with a file's relative path before it is read.
using NoteFile = std::function<void(const std::string& name)>;

/// Decodes the slices, extends signs, applies each slice's rescaling and inverts MONOCHROME1.
/// Throws case errors (stage read) that name the slice.
/// @param files  the files of the case, as DicomFrame::file counts them
/// @param names  their relative paths
Image read_pixels(const StudyCandidate& series, const std::vector<std::filesystem::path>& files,
                  const std::vector<std::string>& names, const NoteFile& note,
                  std::vector<Warning>& warnings);

} // namespace cordlesion::io
