// Data sets in the Brain Imaging Data Structure: only their T2w images under anat are cases.
#include "bids.hpp"

#include "cordlesion/io/case_input.hpp"
#include "volume_file.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

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

bool is_t2w(const fs::path& file) {
  std::error_code error;
  return volume_format(file) == "nifti" && volume_stem(file).ends_with(suffix) &&
         fs::is_regular_file(file, error);
}

void append_anat(const fs::path& folder, std::vector<fs::path>& images) {
  for (const fs::path& file : entries_with(folder / "anat", "sub-")) {
    if (is_t2w(file)) {
      images.push_back(file);
    }
  }
}

} // namespace

std::optional<std::vector<fs::path>> bids_t2w_images(const fs::path& root) {
  std::vector<fs::path> images;
  for (const fs::path& subject : entries_with(root, "sub-")) {
    append_anat(subject, images);
    for (const fs::path& session : entries_with(subject, "ses-")) {
      append_anat(session, images);
    }
  }
  std::error_code error;
  if (images.empty() && !fs::exists(root / "dataset_description.json", error)) {
    return std::nullopt;
  }
  std::sort(images.begin(), images.end());
  return images;
}

std::string bids_case_id(const fs::path& image) {
  std::string stem = volume_stem(image);
  stem.resize(stem.size() - suffix.size());
  return safe_case_id(stem);
}

} // namespace cordlesion::io
