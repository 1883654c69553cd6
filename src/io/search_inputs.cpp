// Search of the user's inputs: which files may be images. Runs in a worker, for a disk may stall.
#include "search_inputs.hpp"

#include "bids.hpp"
#include "case_list.hpp"
#include "earlier_results.hpp"
#include "relative_name.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

fs::path canonical_input(const fs::path& given) {
  std::error_code error;
  fs::path path = fs::canonical(given, error);
  if (error) {
    const fs::path shown = given.is_absolute() ? given.filename() : given;
    throw usage_error("input '" + to_utf8(shown.string()) + "' does not exist or cannot be reached",
                      "check the path");
  }
  return path;
}

/// Images in an output folder inside the input would never be searched.
void require_no_images(const fs::path& output, const fs::path& root, const NoteFile& note) {
  if (!is_output_folder(output, note) && holds_images(output, note)) {
    throw usage_error("the output folder " + relative_name(output, root) +
                          " inside the input holds images, which would be left out",
                      "Choose a new or empty folder with -o.");
  }
}

void search_folder(CaseSource& source, const std::optional<fs::path>& excluded,
                   const NoteFile& note) {
  std::optional<BidsImages> bids = bids_t2w_images(source.root, note);
  std::vector<fs::path> not_entered = bids ? bids->folders : std::vector<fs::path>{};
  if (excluded) {
    not_entered.push_back(*excluded);
  }
  if (!bids || !bids->described) {
    source.files = walk_folder(source.root, not_entered, note);
    for (const fs::path& folder : source.files.not_entered) {
      std::error_code missing;
      if (excluded && fs::equivalent(folder, *excluded, missing)) {
        require_no_images(folder, source.root, note);
      }
    }
  }
  if (bids) {
    source.bids_images = std::move(bids->images);
    std::move(bids->warnings.begin(), bids->warnings.end(),
              std::back_inserter(source.files.warnings));
  }
}

/// A file given by name; several DICOM files of one folder make one source, as if they were all of
/// it.
void add_file(const fs::path& file, std::vector<CaseSource>& sources, const NoteFile& note) {
  const fs::path folder = file.parent_path();
  auto source = std::find_if(sources.begin(), sources.end(), [&](const CaseSource& other) {
    return other.of_single_files && other.root == folder && !other.listed;
  });
  if (source == sources.end()) {
    source = sources.insert(sources.end(), CaseSource{});
    source->root = folder;
    source->of_single_files = true;
  }
  note(relative_name(file, folder));
  add_single_file(file, *source);
}

CaseSource source_of(ListedCase listed, const std::optional<fs::path>& excluded,
                     const NoteFile& note) {
  CaseSource source;
  note(listed.where);
  const fs::path image = canonical_input(listed.image);
  if (fs::is_directory(image)) {
    source.root = image;
    search_folder(source, excluded, note);
  } else {
    source.root = image.parent_path();
    source.of_single_files = true;
    note(relative_name(image, source.root));
    add_single_file(image, source);
  }
  source.listed = std::move(listed);
  return source;
}

} // namespace

SearchedInputs search_inputs(const FindRequest& request, const NoteFile& note) {
  SearchedInputs found;
  for (const fs::path& input : request.inputs) {
    const fs::path path = canonical_input(input);
    if (fs::is_directory(path)) {
      CaseSource& source = found.sources.emplace_back();
      source.root = path;
      search_folder(source, request.excluded, note);
    } else {
      add_file(path, found.sources, note);
    }
  }
  if (request.case_list) {
    CaseList list = read_case_list(*request.case_list);
    found.warnings = std::move(list.warnings);
    for (ListedCase& listed : list.cases) {
      found.sources.push_back(source_of(std::move(listed), request.excluded, note));
    }
  }
  return found;
}

} // namespace cordlesion::io
