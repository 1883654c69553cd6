// All files under a folder, sorted into those that may be images and the rest.
#include "file_walk.hpp"

#include "cordlesion/core/counted.hpp"
#include "dicom_meta.hpp"
#include "earlier_results.hpp"
#include "letter_case.hpp"
#include "relative_name.hpp"
#include "slice_names.hpp"
#include "volume_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

using FileIdentity = std::pair<dev_t, ino_t>;

std::string lower_extension(const fs::path& file) {
  return lower(file.extension().string());
}

bool is_dicom_by_name(const fs::path& file) {
  const std::string extension = lower_extension(file);
  return extension == ".dcm" || extension == ".dicom" || extension == ".ima";
}

/// Analyze and NIfTI headers share their ending with other things; these have their lengths.
bool is_image_header(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return !error && (bytes == 348 || bytes == 540);
}

bool is_readable(const fs::path& file) {
  return ::access(file.c_str(), R_OK) == 0;
}

bool is_empty_or_unreadable(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error || bytes == 0 || !is_readable(file);
}

class Walker {
 public:
  Walker(fs::path root, const std::vector<fs::path>& excluded, const NoteFile& note)
      : root_(std::move(root)), note_(note) {
    for (const fs::path& folder : excluded) {
      struct stat info {};
      if (::stat(folder.c_str(), &info) == 0) {
        visited_[{info.st_dev, info.st_ino}]; // as if it had been searched already, in silence
      }
    }
  }

  WalkedFiles walk() {
    visit(root_);
    while (!folders_.empty()) {
      const fs::path folder = std::move(folders_.back());
      folders_.pop_back();
      list(folder);
    }
    warn_of_same();
    settle_doubtful(doubtful_, root_, files_);
    for (auto* list : {&files_.volumes, &files_.dicom, &files_.broken}) {
      std::sort(list->begin(), list->end());
    }
    return std::move(files_);
  }

 private:
  void warn(const char* code, const fs::path& path, const std::string& what) {
    files_.warnings.push_back({code, relative_name(path, root_) + ": " + what});
  }

  void list(const fs::path& folder) {
    std::error_code error;
    if (folder != root_ && is_output_folder(folder, note_)) {
      warn("earlier_results", folder, "holds results of an earlier run; not searched");
      return;
    }
    fs::directory_iterator entries(folder, error);
    std::vector<fs::path> found;
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      found.push_back(entries->path());
    }
    if (error) {
      warn("unreadable_folder", folder, "cannot be listed (" + error.message() + "); not searched");
    }
    std::sort(found.begin(), found.end());
    std::for_each(found.begin(), found.end(), [this](const fs::path& path) { visit(path); });
  }

  void note_again(const fs::path& path, const fs::path& first) {
    if (first.empty()) {
      files_.not_entered.push_back(path);
    } else {
      same_[path.parent_path()].push_back(relative_name(path, root_) + ": the same as " +
                                          relative_name(first, root_) + "; taken once");
    }
  }

  /// One warning per folder: links to every slice of a series are common.
  void warn_of_same() {
    for (const auto& [folder, what] : same_) {
      const std::size_t more = what.size() - 1;
      files_.warnings.push_back(
          {"same_file",
           what.front() +
               (more == 0 ? ""
                          : "; so it is with " + counted(more, "other name") + " of the folder")});
    }
  }

  void visit(const fs::path& path) {
    note_(relative_name(path, root_));
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && path != root_ &&
        path.filename().string().starts_with('.')) {
      ++files_.skipped[path.parent_path()];
      return;
    }
    if (auto warning = why_not_opened(path, root_)) {
      files_.warnings.push_back(std::move(*warning));
      return;
    }
    const auto [known, is_new] = visited_.emplace(FileIdentity{info.st_dev, info.st_ino}, path);
    if (!is_new) {
      note_again(path, known->second);
      return;
    }
    if (S_ISDIR(info.st_mode)) {
      folders_.push_back(path);
    } else if (is_result_of_a_run(path)) {
      warn("earlier_results", path, "a result of an earlier run, no image; skipped");
      ++files_.skipped[path.parent_path()];
    } else if (recognise(path) == FileKind::doubtful) {
      doubtful_.push_back(path);
    } else {
      sort_in(path, files_);
    }
  }

  fs::path root_;
  const NoteFile& note_;
  std::map<FileIdentity, fs::path> visited_;          ///< no path: of an excluded folder
  std::map<fs::path, std::vector<std::string>> same_; ///< by folder: what was met before
  std::vector<fs::path> folders_;
  std::vector<fs::path> doubtful_;
  WalkedFiles files_;
};

} // namespace

FileKind recognise(const fs::path& file) {
  if (volume_format(file) && (lower_extension(file) != ".hdr" || is_image_header(file)) &&
      !read_dicom_meta(file).preamble) { // slices of a series may be named so
    return FileKind::volume;
  }
  if (is_empty_or_unreadable(file)) {
    return FileKind::doubtful;
  }
  const DicomMeta meta = read_dicom_meta(file);
  if (!meta.plausible) {
    return FileKind::doubtful;
  }
  return is_not_an_image(meta.media_storage) ? FileKind::other : FileKind::dicom;
}

void sort_in(const fs::path& file, WalkedFiles& files) {
  switch (recognise(file)) {
  case FileKind::volume:
    files.volumes.push_back(file);
    break;
  case FileKind::dicom:
    files.dicom.push_back(file);
    break;
  default:
    ++files.skipped[file.parent_path()];
  }
}

void settle_doubtful(const std::vector<fs::path>& doubtful, const fs::path& root,
                     WalkedFiles& files) {
  std::map<fs::path, SliceNames> slices;
  for (const fs::path& file : doubtful) {
    slices[file.parent_path()];
  }
  std::set<std::pair<fs::path, std::string>> dicom_endings;
  for (const fs::path& file : files.dicom) {
    dicom_endings.emplace(file.parent_path(), lower_extension(file));
    if (const auto beside = slices.find(file.parent_path()); beside != slices.end()) {
      beside->second.add(file);
    }
  }
  for (const fs::path& file : doubtful) {
    const bool without_content = is_empty_or_unreadable(file);
    if (is_dicom_by_name(file) || slices[file.parent_path()].match(file) ||
        (without_content && dicom_endings.contains({file.parent_path(), lower_extension(file)}))) {
      files.broken.push_back(file);
    } else {
      ++files.skipped[file.parent_path()];
      if (!is_readable(file)) {
        files.warnings.push_back(
            {"unreadable_file", relative_name(file, root) + ": cannot be opened; skipped"});
      }
    }
  }
}

std::optional<Warning> why_not_opened(const fs::path& path, const fs::path& root) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Warning{"dangling_link", relative_name(path, root) + ": cannot be followed (" +
                                        std::strerror(errno) + ")"};
  }
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
    return Warning{"special_file",
                   relative_name(path, root) + ": a pipe, socket or device; not opened"};
  }
  return std::nullopt;
}

WalkedFiles walk_folder(const fs::path& root, const std::vector<fs::path>& excluded,
                        const NoteFile& note) {
  return Walker(root, excluded, note).walk();
}

} // namespace cordlesion::io
