// The network inputs of a cohort, written for training.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/io/case_loader.hpp"

#include <filesystem>

namespace cordlesion::app {

struct PrepareOptions {
  std::filesystem::path cohort; ///< table with case_id, image, [mask], further columns
  std::filesystem::path output;
  std::filesystem::path models; ///< package whose manifest defines size, fit and normalisation
  io::LoadOptions load;         ///< gaps between slices are not allowed
  io::LoaderLimits limits;
};

/// Writes OUT/<case_id>/image.nii.gz, mask.nii.gz, OUT/prepared.tsv and OUT/warnings.tsv. A case
/// that fails is reported and left out; the exit code says so. A usage error if a file of the
/// cohort would be replaced.
ExitCode prepare_cohort(const PrepareOptions& options);

} // namespace cordlesion::app
