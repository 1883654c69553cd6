// Lookup of corrected masks.
#include "cordlesion/app/corrected_masks.hpp"

#include "cordlesion/core/error.hpp"
#include "results_folder.hpp"

#include <array>
#include <string>
#include <system_error>

namespace cordlesion::app {

namespace fs = std::filesystem;

std::optional<fs::path> mask_in_folder(const fs::path& folder, const std::string& case_id) {
  constexpr std::array endings{".nii.gz", ".nii", ".nrrd", ".mha", "/lesion_mask.nii.gz"};
  for (const char* ending : endings) {
    const fs::path candidate = folder / (case_id + ending);
    std::error_code unknown;
    if (fs::is_regular_file(candidate, unknown)) {
      return candidate;
    }
  }
  return std::nullopt;
}

std::optional<fs::path> corrected_mask_of(const io::CaseInput& input,
                                          const std::optional<fs::path>& masks) {
  if (input.mask) {
    return input.mask;
  }
  if (!masks) {
    return std::nullopt;
  }
  std::error_code unknown;
  if (!fs::is_directory(*masks, unknown)) {
    return masks;
  }
  if (auto mask = mask_in_folder(*masks, input.case_id)) {
    return mask;
  }
  throw case_error(Stage::find, "mask_missing",
                   "no corrected mask for case " + input.case_id + ": expected " + input.case_id +
                       ".nii.gz or " + input.case_id + "/lesion_mask.nii.gz in the masks folder",
                   "Add the mask, or leave the case out of this run.");
}

void check_corrected_masks(const fs::path& masks, std::size_t cases) {
  std::error_code unknown;
  if (!fs::exists(masks, unknown)) {
    throw usage_error("--masks " + masks.string() + " does not exist or cannot be reached");
  }
  if (!fs::is_directory(masks, unknown) && cases > 1) {
    throw usage_error("--masks names one file, but there are " + std::to_string(cases) + " cases",
                      "Give a folder with one <case_id>.nii.gz per case.");
  }
}

void require_outside_output(const fs::path& masks, const fs::path& output) {
  if (lies_in(masks, output)) {
    throw usage_error("the corrected mask or masks folder " + masks.filename().string() +
                          " lies in the output folder, where this run would replace it",
                      "Write to another folder with -o.");
  }
}

void warn_of(const AlignedMask& aligned, std::vector<Warning>& warnings) {
  if (aligned.resampled) {
    warnings.push_back({"mask_resampled", "the given mask is on another grid than the image; it "
                                          "was resampled to the nearest voxel"});
  }
  if (aligned.cut) {
    warnings.push_back({"mask_cut", "the given mask reaches beyond the image; the lesion voxels "
                                    "outside were left out"});
  }
  if (aligned.not_binary) {
    warnings.push_back({"mask_not_binary", "the given mask holds several or negative values; every "
                                           "value above 0 was taken as lesion"});
  }
}

} // namespace cordlesion::app
