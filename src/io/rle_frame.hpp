// Whether a run-length encoded frame holds all of its pixels.
#pragma once

#include <cstddef>
#include <string_view>

namespace cordlesion::io {

/// True if the frame has `planes` segments (one for each byte of a pixel) that unpack to `pixels`
/// bytes each. GDCM makes up what a segment lacks. DICOM PS3.5, annex G.
bool rle_frame_is_complete(std::string_view frame, std::size_t planes, std::size_t pixels);

} // namespace cordlesion::io
