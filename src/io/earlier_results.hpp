// Results of earlier runs among the inputs, which are no images to predict.
#pragma once

#include "dicom_pixels.hpp"

#include <filesystem>

namespace cordlesion::io {

/// Whether runs of this program wrote to the folder: it holds a table of theirs, or their lock and
/// no image but results. A lock alone says little: a run may have been started in a folder of
/// images.
/// @param note  called with the name of each file before it is looked at
bool is_output_folder(const std::filesystem::path& folder, const NoteFile& note);

/// Whether the file is what a run wrote for a case: beside the case's report, or below the lock of
/// a run that was killed before it wrote the report.
bool is_result_of_a_run(const std::filesystem::path& file);

/// Whether there are images under the folder that are no results of earlier runs.
/// @param note  called with the name of each file before it is looked at
bool holds_images(const std::filesystem::path& folder, const NoteFile& note);

} // namespace cordlesion::io
