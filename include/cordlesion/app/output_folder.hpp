// The output folder of a run: whose it is, what it holds, what may be written into it.
#pragma once

#include "cordlesion/app/predict_options.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cordlesion::app {

/// Holds a lock on an output folder while a run writes to it; the lock goes with the process.
class OutputFolder {
 public:
  /// Creates the folder and proves that it can be written to (else output error, exit 5). Refuses,
  /// with a usage error, a folder in use by another run, or with results and Existing::refuse.
  /// A link in place of the lock, or a folder in place of a table, is an output error.
  /// Sweeps temporary files of runs that were killed; Existing::overwrite removes earlier results,
  /// but for masks that are not those their reports speak of.
  OutputFolder(std::filesystem::path folder, Existing existing);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Throws a usage error if a case of this name would collide with a table of the run.
  static void require_free_name(const std::string& case_id);

  /// Throws an output error if something else lies where a case would be written: a link or a file
  /// in place of its folder, a folder in place of a file.
  void require_room_for(const std::string& case_id) const;

  const std::filesystem::path& path() const { return folder_; }
  /// The folder of a case, created if missing.
  std::filesystem::path case_folder(const std::string& case_id) const;
  bool has_report(const std::string& case_id) const;
  /// The text of a case's report.json, if it is there with the mask it speaks of.
  std::optional<std::string> complete_report(const std::string& case_id) const;
  /// The names of the folders with a report of this program, whole or damaged, but for `own`.
  std::vector<std::string> other_cases(const std::set<std::string>& own) const;
  /// Removes the run.json of an earlier run. It comes back at the end of a run: the mark that the
  /// run came to it.
  void clear_run_record() const;
  /// Removes what an earlier run left of a case; the report goes first. A mask that is not the one
  /// its report speaks of is kept under another name, with a warning.
  /// @param coming  digest of the mask that will be written, if it is known: it is none to keep
  void begin_case(const std::string& case_id,
                  const std::optional<std::string>& coming = std::nullopt) const;
  /// Marks, from before its first file until its report is there, that a case's files are this
  /// program's: if it is killed between them, its mask is not taken for a reader's.
  void begin_writing(const std::string& case_id) const;
  void end_writing(const std::string& case_id) const;
  /// Removes what this run has written of a case.
  void clear_case(const std::string& case_id) const;

 private:
  void change_files_of(const std::string& case_id,
                       const std::function<void(const std::filesystem::path&)>& change) const;

  std::filesystem::path folder_;
  int lock_ = -1;
};

} // namespace cordlesion::app
