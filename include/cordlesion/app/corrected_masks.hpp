// Masks that a reader corrected, found by case.
#pragma once

#include "cordlesion/io/case_input.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>

namespace cordlesion::app {

/// The corrected mask of a case: its own (from a case list) first, else from `masks`: the file
/// itself, or in a folder `<case_id>.nii.gz` / `.nii` / `.nrrd` / `.mha`, or
/// `<case_id>/lesion_mask.nii.gz` as in a former output folder. None if masks were not asked for.
/// Throws a case error (`mask_missing`) if they were and this case has none.
std::optional<std::filesystem::path>
corrected_mask_of(const io::CaseInput& input, const std::optional<std::filesystem::path>& masks);

/// Throws a usage error unless `masks` exists, serves a single case if it is a file, and lies
/// outside the output folder, where the run would replace the masks that it reads.
void check_corrected_masks(const std::filesystem::path& masks, std::size_t cases,
                           const std::filesystem::path& output);

} // namespace cordlesion::app
