// Masks that a reader corrected or drew, found by case.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/lesion_mask.hpp"
#include "cordlesion/io/case_input.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::app {

/// The mask of a case in a folder of masks: `<case_id>.nii.gz` / `.nii` / `.nrrd` / `.mha`, or
/// `<case_id>/lesion_mask.nii.gz` as in an output folder; none if there is none.
std::optional<std::filesystem::path> mask_in_folder(const std::filesystem::path& folder,
                                                    const std::string& case_id);

/// The corrected mask of a case: its own (from a case list) first, else `masks` itself, or the one
/// in that folder. None if masks were not asked for. Throws a case error (`mask_missing`) if they
/// were and this case has none.
std::optional<std::filesystem::path>
corrected_mask_of(const io::CaseInput& input, const std::optional<std::filesystem::path>& masks);

/// Throws a usage error unless `masks` exists and, being a file, serves a single case.
void check_corrected_masks(const std::filesystem::path& masks, std::size_t cases);

/// Throws a usage error if a mask or a folder of masks lies in the output folder, where the run
/// would replace what it reads.
void require_outside_output(const std::filesystem::path& masks,
                            const std::filesystem::path& output);

/// Adds what should be known of a mask that was brought onto the image's grid.
void warn_of(const AlignedMask& aligned, std::vector<Warning>& warnings);

} // namespace cordlesion::app
