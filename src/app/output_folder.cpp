// Locking, checking and cleaning of output folders.
#include "cordlesion/app/output_folder.hpp"

#include "cordlesion/app/logging.hpp"
#include "cordlesion/core/error.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/report/report_json.hpp"
#include "results_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> run_files{"run.json", "results.tsv", "lesions.tsv",
                                                    "failures.tsv"};

/// Lies in a case's folder while a run writes or removes its files, and longer if the run is
/// killed: a mask without its report is then that run's.
constexpr const char* writing_mark = ".cordlesion-writing";

void mark_as_being_written(const fs::path& case_folder) {
  std::ofstream(case_folder / writing_mark); // not on a full disk, where it does not matter
}

void remove_mark(const fs::path& case_folder) {
  std::error_code missing;
  fs::remove(case_folder / writing_mark, missing);
}

/// The report of this program in a case's folder, else empty: other programs' reports, and what
/// links lead to, are none of ours.
std::string own_report(const fs::path& case_folder) {
  std::string text = fs::is_symlink(case_folder) ? "" : text_of_file(case_folder / "report.json");
  return report::is_case_report(text) ? text : "";
}

Error in_the_way(const std::string& name, const std::string& what) {
  return output_error("output_in_the_way",
                      name + " in the output folder is " + what + "; it cannot be written",
                      "Move it away, or choose another folder with -o.");
}

void require_no_folder(const fs::path& path, const std::string& name) {
  if (fs::is_directory(fs::symlink_status(path))) {
    throw in_the_way(name, "a folder");
  }
}

bool holds_results(const fs::path& folder) {
  const auto is_there = [&](std::string_view name) { return fs::exists(folder / name); };
  if (std::any_of(run_files.begin(), run_files.end(), is_there)) {
    return true;
  }
  const std::vector<std::string> cases = cases_in(folder);
  return std::any_of(cases.begin(), cases.end(),
                     [&](const std::string& name) { return !own_report(folder / name).empty(); });
}

/// A mask that the report beside it does not speak of may be a reader's work: it gets another name.
/// @param coming  digest of the mask that will be put there, if it is known
void set_aside_foreign_mask(const fs::path& folder, const std::optional<std::string>& coming = {}) {
  const fs::path mask = folder / "lesion_mask.nii.gz";
  if (!fs::exists(fs::symlink_status(mask)) || fs::exists(folder / writing_mark)) {
    return;
  }
  const auto digests = digests_in(folder);
  if (is_file_of(mask, coming) || (digests && is_file_of(mask, digests->lesion_mask))) {
    return;
  }
  std::string name;
  int number = 0;
  do {
    name = std::string(kept_mask_prefix) + std::to_string(++number) + ".nii.gz";
  } while (fs::exists(fs::symlink_status(folder / name)));
  fs::rename(mask, folder / name);
  log_warning(folder.filename().string() +
              ": lesion_mask.nii.gz is not the mask that a report beside it speaks of; it is now " +
              name);
}

void remove_case_files(const fs::path& folder) {
  mark_as_being_written(folder);
  for (const char* name : case_files) {
    fs::remove(folder / name);
  }
  remove_mark(folder);
}

void sweep_temporary_files(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && io::is_temporary_name(entry.path())) {
      fs::remove(entry.path());
    }
  }
}

void create(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure || !fs::is_directory(folder, failure)) {
    throw output_error("output_not_creatable",
                       "cannot create the output folder " + folder.string() + ": " +
                           (failure ? failure.message() : "a file of that name exists"),
                       "Choose another folder with -o.");
  }
}

/// A file that is written, read back and removed: a full or read-only disk shows before any case.
void prove_writable(const fs::path& folder) {
  const fs::path probe = folder / ".cordlesion-probe";
  io::write_file_atomically(probe, "write test\n");
  std::error_code ignored;
  fs::remove(probe, ignored);
}

int lock_folder(const fs::path& folder) {
  const fs::path path = folder / io::lock_file_name;
  const int lock = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (lock < 0 && errno == ELOOP) {
    throw in_the_way(std::string(io::lock_file_name), "a link");
  }
  if (lock < 0) {
    throw output_error("output_not_writable", "cannot write to the output folder " +
                                                  folder.string() + ": " + std::strerror(errno));
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    throw usage_error("another run is writing to " + folder.string(),
                      "Wait for it to end, or choose another folder with -o.");
  }
  return lock;
}

} // namespace

OutputFolder::OutputFolder(fs::path folder, Existing existing) : folder_(std::move(folder)) {
  create(folder_);
  lock_ = lock_folder(folder_);
  try {
    prove_writable(folder_);
    for (const std::string_view name : run_files) {
      require_no_folder(folder_ / name, std::string(name));
    }
    if (existing == Existing::refuse && holds_results(folder_)) {
      throw usage_error("the output folder " + folder_.string() + " already holds results",
                        "Use --overwrite to replace them, or another folder with -o; predict "
                        "completes them with --resume.");
    }
    sweep_temporary_files(folder_);
    if (existing == Existing::overwrite) {
      for (const std::string_view name : run_files) {
        fs::remove(folder_ / name);
      }
      for (const std::string& name : cases_in(folder_)) {
        if (!own_report(folder_ / name).empty()) {
          set_aside_foreign_mask(folder_ / name);
          remove_case_files(folder_ / name);
          std::error_code not_empty;
          fs::remove(folder_ / name, not_empty);
        }
      }
    }
  } catch (const fs::filesystem_error& error) {
    ::close(lock_);
    throw output_error("output_not_readable",
                       "cannot look through the output folder " + folder_.string() + ": " +
                           reason_of(error),
                       "Check its permissions, or choose another folder with -o.");
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

OutputFolder::~OutputFolder() {
  ::close(lock_);
}

fs::path OutputFolder::case_folder(const std::string& case_id) const {
  const fs::path folder = folder_ / case_id;
  require_room_for(case_id);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    throw output_error("output_not_writable",
                       "cannot create " + folder.string() + ": " + failure.message(),
                       "Check the disk and the permissions.");
  }
  return folder;
}

void OutputFolder::require_free_name(const std::string& case_id) {
  if (std::find(run_files.begin(), run_files.end(), case_id) != run_files.end()) {
    throw usage_error("a case named '" + case_id + "' would collide with the file of that name",
                      "Rename the input, or name the case in a list with --cases.");
  }
}

void OutputFolder::require_room_for(const std::string& case_id) const {
  const fs::path folder = folder_ / case_id;
  try {
    const fs::file_status status = fs::symlink_status(folder);
    if (fs::is_symlink(status)) {
      throw in_the_way(case_id, "a link");
    }
    if (fs::exists(status) && !fs::is_directory(status)) {
      throw in_the_way(case_id, "a file");
    }
    for (const char* name : case_files) {
      require_no_folder(folder / name, case_id + "/" + name);
    }
  } catch (const fs::filesystem_error& error) {
    throw output_error("output_not_writable",
                       "cannot look into " + case_id + " in the output folder: " + reason_of(error),
                       "Check its permissions, or choose another folder with -o.");
  }
}

bool OutputFolder::has_report(const std::string& case_id) const {
  std::error_code missing;
  return fs::exists(folder_ / case_id / "report.json", missing);
}

std::optional<std::string> OutputFolder::complete_report(const std::string& case_id) const {
  std::string text = text_of_file(folder_ / case_id / "report.json");
  std::error_code missing;
  if (text.empty() || !fs::is_regular_file(folder_ / case_id / "lesion_mask.nii.gz", missing)) {
    return std::nullopt;
  }
  return text;
}

std::vector<std::string> OutputFolder::other_cases(const std::set<std::string>& own) const {
  std::vector<std::string> others;
  for (const std::string& name : cases_in(folder_)) {
    if (own.count(name) == 0 && !own_report(folder_ / name).empty()) {
      others.push_back(name);
    }
  }
  return others;
}

void OutputFolder::clear_run_record() const {
  std::error_code missing;
  fs::remove(folder_ / "run.json", missing);
}

void OutputFolder::begin_case(const std::string& case_id,
                              const std::optional<std::string>& coming) const {
  change_files_of(case_id, [&](const fs::path& folder) {
    set_aside_foreign_mask(folder, coming);
    remove_case_files(folder);
  });
}

void OutputFolder::begin_writing(const std::string& case_id) const {
  mark_as_being_written(case_folder(case_id));
}

void OutputFolder::end_writing(const std::string& case_id) const {
  remove_mark(folder_ / case_id);
}

void OutputFolder::clear_case(const std::string& case_id) const {
  change_files_of(case_id, remove_case_files);
}

void OutputFolder::change_files_of(const std::string& case_id,
                                   const std::function<void(const fs::path&)>& change) const {
  const fs::path folder = folder_ / case_id;
  try {
    if (fs::is_directory(folder) && !fs::is_symlink(folder)) {
      change(folder);
      sweep_temporary_files(folder);
    }
  } catch (const fs::filesystem_error& error) {
    throw output_error("output_not_writable",
                       "cannot remove the earlier files of case " + case_id +
                           " from the output folder: " + reason_of(error),
                       "Check the permissions of its folder.");
  }
}

} // namespace cordlesion::app
