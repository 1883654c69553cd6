// What --resume keeps of an earlier run.
#include "finished_cases.hpp"

#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/core/digest.hpp"
#include "cordlesion/report/report_json.hpp"
#include "results_folder.hpp"
#include "run_settings.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

namespace cordlesion::app {
namespace {

/// Whether the files of a case are those that its report was written with.
bool files_fit(const Run& run, const std::string& case_id, const report::Digests& earlier,
               bool of_network) {
  const std::filesystem::path folder = run.output.path() / case_id;
  const bool has_probability = run.options.save_probability && of_network;
  return is_file_of(folder / "lesion_mask.nii.gz", earlier.lesion_mask) &&
         (!has_probability ||
          is_file_of(folder / "lesion_probability.nii.gz", earlier.lesion_probability));
}

/// The rows of a case that an earlier run completed with the same input, models and options.
/// @param digest  of the input as it is now, none if it cannot be read
std::optional<report::CaseRows> finished_rows(const Run& run, const io::CaseInput& input,
                                              const std::optional<std::string>& digest) {
  const auto text = run.output.complete_report(input.case_id);
  const auto earlier = text ? report::digests_of_complete_report(*text) : std::nullopt;
  auto rows = earlier ? report::rows_of(*text) : std::nullopt;
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
    return same && files_fit(run, input.case_id, *earlier, !mask_digest) ? rows : std::nullopt;
  } catch (const Error&) {
    return std::nullopt; // the corrected mask is gone: computing the case will say so
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
    if (auto rows = finished_rows(run, earlier[i], digest)) {
      run.output.end_writing(earlier[i].case_id); // which a kill may have come before
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
