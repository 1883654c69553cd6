// Whether a DICOM file holds all of the pixels that it announces.
#pragma once

#include "dicom_frame.hpp"

#include <filesystem>
#include <string>

namespace cordlesion::io {

/// GDCM pads truncated pixels with whatever the memory held, so the extent of the pixel element is
/// checked against the file first. Throws case errors `pixel_data_missing`, `pixel_data_short`.
/// @param name  relative path, for messages
void require_complete_pixels(const std::filesystem::path& file, const std::string& name,
                             const DicomFrame& frame);

} // namespace cordlesion::io
