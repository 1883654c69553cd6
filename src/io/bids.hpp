// Data sets in the Brain Imaging Data Structure: only their T2w images under anat are cases.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

/// The T2w images of a BIDS data set, sorted; none if the folder is not one.
std::optional<std::vector<std::filesystem::path>>
bids_t2w_images(const std::filesystem::path& root);

/// The case id of a T2w image: its entities, for example `sub-01_ses-02_acq-sag`.
std::string bids_case_id(const std::filesystem::path& image);

} // namespace cordlesion::io
