// Data sets in the Brain Imaging Data Structure: only their T2w images under anat are cases.
#pragma once

#include "cordlesion/core/error.hpp"
#include "dicom_pixels.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

struct BidsImages {
  std::vector<std::filesystem::path> images; ///< sorted
  /// What else in the root is the data set's: subjects with images, derivatives and source data.
  std::vector<std::filesystem::path> folders;
  bool described = false; ///< by a dataset_description.json; if not, cases may lie beside it
  std::vector<Warning> warnings;
};

/// The T2w images of a BIDS data set; none if the folder is not one. Warns of T2w names without a
/// file behind them (links of git-annex), and of subjects of a described data set without image.
/// @param note  called with the name of each subject before it is looked at
std::optional<BidsImages> bids_t2w_images(const std::filesystem::path& root, const NoteFile& note);

/// The case id of a T2w image: its entities, for example `sub-01_ses-02_acq-sag`.
std::string bids_case_id(const std::filesystem::path& image);

} // namespace cordlesion::io
