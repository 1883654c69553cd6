// Data sets in the Brain Imaging Data Structure: only their T2w images under anat are cases.
#include "bids.hpp"

#include "cordlesion/core/counted.hpp"
#include "cordlesion/io/case_input.hpp"
#include "file_walk.hpp"
#include "relative_name.hpp"
#include "volume_file.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = "_T2w";

/// Entries of a folder whose names begin with `prefix`; none if it cannot be listed.
std::vector<fs::path> entries_with(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().starts_with(prefix)) {
      entries.push_back(entry->path());
    }
  }
  return entries;
}

bool is_named_t2w(const fs::path& file) {
  return volume_format(file) == "nifti" && volume_stem(file).ends_with(suffix);
}

class BidsReader {
 public:
  BidsReader(fs::path root, const NoteFile& note) : root_(std::move(root)), note_(note) {
    std::error_code error;
    found_.described = fs::exists(root_ / "dataset_description.json", error);
  }

  std::optional<BidsImages> read() {
    for (const fs::path& subject : entries_with(root_, "sub-")) {
      read_subject(subject);
    }
    if (found_.images.empty() && !found_.described) {
      return std::nullopt;
    }
    std::sort(found_.images.begin(), found_.images.end());
    found_.folders.push_back(root_ / "derivatives");
    found_.folders.push_back(root_ / "sourcedata");
    if (found_.described && !without_image_.empty()) {
      warn_of_subjects();
    }
    return std::move(found_);
  }

 private:
  void read_subject(const fs::path& subject) {
    note_(relative_name(subject, root_));
    const std::size_t before = found_.images.size();
    read_anat(subject);
    for (const fs::path& session : entries_with(subject, "ses-")) {
      read_anat(session);
    }
    std::error_code error;
    if (found_.images.size() > before) {
      found_.folders.push_back(subject);
    } else if (fs::is_directory(subject, error)) {
      without_image_.push_back(to_utf8(subject.filename().string()));
    }
  }

  void read_anat(const fs::path& folder) {
    for (const fs::path& file : entries_with(folder / "anat", "sub-")) {
      if (is_named_t2w(file)) {
        if (auto warning = why_not_opened(file, root_)) {
          found_.warnings.push_back(std::move(*warning));
        } else {
          found_.images.push_back(file);
        }
      }
    }
  }

  void warn_of_subjects() {
    constexpr std::size_t most = 5;
    std::sort(without_image_.begin(), without_image_.end());
    std::string names;
    for (std::size_t i = 0; i < std::min(most, without_image_.size()); ++i) {
      names += (i == 0 ? "" : ", ") + without_image_[i];
    }
    found_.warnings.push_back(
        {"bids_without_t2w", counted(without_image_.size(), "subject") +
                                 " of the BIDS data set without anat/*_T2w.nii[.gz], no case: " +
                                 names + (without_image_.size() > most ? ", ..." : "")});
  }

  fs::path root_;
  const NoteFile& note_;
  BidsImages found_;
  std::vector<std::string> without_image_;
};

} // namespace

std::optional<BidsImages> bids_t2w_images(const fs::path& root, const NoteFile& note) {
  return BidsReader(root, note).read();
}

std::string bids_case_id(const fs::path& image) {
  std::string stem = volume_stem(image);
  stem.resize(stem.size() - suffix.size());
  return safe_case_id(stem);
}

} // namespace cordlesion::io
