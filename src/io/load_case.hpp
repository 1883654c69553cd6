// From the files of a case to its image: what a worker of the loading process does.
#pragma once

#include "cordlesion/io/case_input.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "dicom_pixels.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cordlesion::io {

LoadedCase load_case(const CaseInput& input, const LoadOptions& options, const NoteFile& note);

CaseDescription describe_case(const CaseInput& input, const LoadOptions& options,
                              const NoteFile& note);

/// LoadedCase::digest without keeping the image.
std::string digest_case(const CaseInput& input, const NoteFile& note);

/// A volume file without the checks that only an image to be segmented must pass.
Image load_mask(const std::filesystem::path& file, const std::filesystem::path& root,
                const VolumeChoice& choice, const NoteFile& note);

} // namespace cordlesion::io
