// Results of earlier runs among the inputs, which are no images to predict.
#include "earlier_results.hpp"

#include "cordlesion/io/atomic_file.hpp"
#include "file_walk.hpp"

#include <string_view>
#include <system_error>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

bool holds(const fs::path& folder, std::string_view name) {
  std::error_code error;
  return fs::exists(folder / name, error);
}

} // namespace

bool is_output_folder(const fs::path& folder, const NoteFile& note) {
  const bool locked = holds(folder, lock_file_name);
  const bool of_predict = holds(folder, "results.tsv") && (locked || holds(folder, "run.json"));
  const bool of_prepare = holds(folder, "prepared.tsv") && locked;
  return of_predict || of_prepare || (locked && !holds_images(folder, note));
}

bool is_result_of_a_run(const fs::path& file) {
  const fs::path name = file.filename();
  const fs::path case_folder = file.parent_path();
  return (name == "lesion_mask.nii.gz" || name == "lesion_probability.nii.gz") &&
         (holds(case_folder, "report.json") || holds(case_folder.parent_path(), lock_file_name));
}

bool holds_images(const fs::path& folder, const NoteFile& note) {
  const WalkedFiles files = walk_folder(folder, {}, note);
  return !files.volumes.empty() || !files.dicom.empty() || !files.broken.empty();
}

} // namespace cordlesion::io
