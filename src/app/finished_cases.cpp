// What --resume keeps of an earlier run.
#include "finished_cases.hpp"

#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/core/digest.hpp"
#include "cordlesion/report/mask_record.hpp"
#include "cordlesion/report/report_json.hpp"
#include "run_settings.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace cordlesion::app {
namespace {

bool is_on_grid(const Image& image, const Grid& grid) {
  return max_corner_error_mm(image.grid(), grid) <= same_grid_mm;
}

std::size_t lesion_voxels(const Image& mask) {
  return static_cast<std::size_t>(std::count_if(mask.voxels().begin(), mask.voxels().end(),
                                                [](float voxel) { return voxel > 0; }));
}

/// A mask that somebody put in place of the run's may be an afternoon's work: it is not replaced.
void set_aside(const std::filesystem::path& mask, const std::string& case_id) {
  std::string name;
  int number = 0;
  std::error_code failure; // computing the case will say so
  do {
    name = "lesion_mask.kept-" + std::to_string(++number) + ".nii.gz";
  } while (std::filesystem::exists(mask.parent_path() / name, failure));
  std::filesystem::rename(mask, mask.parent_path() / name, failure);
  if (!failure) {
    log_warning(case_id +
                ": lesion_mask.nii.gz is not the mask that its report speaks of; it is now " +
                name + ", and the case is computed again");
  }
}

/// Whether the files of a case are whole and those that its report speaks of. They are read to
/// their ends: they may have been cut.
bool files_fit(const Run& run, const std::string& case_id, const report::MaskRecord& record,
               io::CaseLoader& loader) {
  const std::filesystem::path folder = run.output.path() / case_id;
  const auto load = [&](const char* name) {
    return loader.load_volume(folder / name, run.output.path());
  };
  const Image mask = load("lesion_mask.nii.gz");
  if (!is_on_grid(mask, record.grid) || lesion_voxels(mask) != record.voxels) {
    set_aside(folder / "lesion_mask.nii.gz", case_id);
    return false;
  }
  return !run.options.save_probability || !record.of_network ||
         is_on_grid(load("lesion_probability.nii.gz"), record.grid);
}

/// The rows of a case that an earlier run completed with the same input, models and options.
/// @param digest  of the input as it is now, none if it cannot be read
std::optional<report::CaseRows> finished_rows(const Run& run, const io::CaseInput& input,
                                              const std::optional<std::string>& digest,
                                              io::CaseLoader& loader) {
  const auto text = run.output.complete_report(input.case_id);
  const auto earlier = text ? report::digests_of_complete_report(*text) : std::nullopt;
  const auto mask = earlier ? report::mask_record_of(*text) : std::nullopt;
  auto rows = mask ? report::rows_of(*text) : std::nullopt;
  if (!rows || rows->case_id != input.case_id || !digest) {
    return std::nullopt;
  }
  try {
    std::optional<std::string> mask_digest;
    if (const auto corrected = corrected_mask_of(input, run.options.corrected_masks)) {
      mask_digest = sha256_of_file(*corrected);
    }
    const report::Digests now =
        digests_of(*digest, mask_digest, run.models, run.networks, run.options);
    const bool same = now.input == earlier->input && now.models == earlier->models &&
                      now.options == earlier->options;
    return same && files_fit(run, input.case_id, *mask, loader) ? rows : std::nullopt;
  } catch (const Error&) {
    return std::nullopt; // a mask or a file is gone or damaged: computing it will say so
  }
}

} // namespace

void take_finished_cases(Run& run, std::vector<io::CaseInput>& cases, io::CaseLoader& loader,
                         Progress& progress) {
  const auto reported =
      std::stable_partition(cases.begin(), cases.end(), [&](const io::CaseInput& input) {
        return !run.output.has_report(input.case_id);
      });
  std::vector<io::CaseInput> earlier(std::make_move_iterator(reported),
                                     std::make_move_iterator(cases.end()));
  cases.erase(reported, cases.end());
  loader.digest(earlier, [&](std::size_t i, const std::optional<std::string>& digest) {
    stop_if_interrupted();
    if (auto rows = finished_rows(run, earlier[i], digest, loader)) {
      run.rows.push_back(std::move(*rows));
      ++run.resumed;
      progress.skip(earlier[i].case_id);
    } else {
      cases.push_back(earlier[i]);
    }
  });
  std::sort(cases.begin(), cases.end(),
            [](const io::CaseInput& a, const io::CaseInput& b) { return a.case_id < b.case_id; });
}

} // namespace cordlesion::app
