// From the user's inputs to a list of cases: search, recognise, group into studies, name.
#include "find_cases.hpp"

#include "bids.hpp"
#include "case_list.hpp"
#include "case_source.hpp"
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

void search_folder(CaseSource& source, const std::optional<fs::path>& excluded) {
  std::optional<BidsImages> bids = bids_t2w_images(source.root);
  std::vector<fs::path> not_entered = bids ? bids->folders : std::vector<fs::path>{};
  if (excluded) {
    not_entered.push_back(*excluded);
  }
  if (!bids || !bids->described) {
    source.files = walk_folder(source.root, not_entered);
  }
  if (bids) {
    source.bids_images = std::move(bids->images);
    std::move(bids->warnings.begin(), bids->warnings.end(),
              std::back_inserter(source.files.warnings));
  }
}

/// A file given by name; several DICOM files of one folder make one source, as if they were all of
/// it.
void add_file(const fs::path& file, std::vector<CaseSource>& sources) {
  const fs::path folder = file.parent_path();
  auto source = std::find_if(sources.begin(), sources.end(), [&](const CaseSource& other) {
    return other.of_single_files && other.root == folder && !other.listed;
  });
  if (source == sources.end()) {
    source = sources.insert(sources.end(), CaseSource{});
    source->root = folder;
    source->of_single_files = true;
  }
  add_single_file(file, *source);
}

std::vector<CaseSource> sources_of(const FindRequest& request, FoundCases& found) {
  std::vector<CaseSource> sources;
  for (const fs::path& input : request.inputs) {
    const fs::path path = canonical_input(input);
    if (fs::is_directory(path)) {
      CaseSource& source = sources.emplace_back();
      source.root = path;
      search_folder(source, request.excluded);
    } else {
      add_file(path, sources);
    }
  }
  if (request.case_list) {
    CaseList list = read_case_list(*request.case_list);
    std::move(list.warnings.begin(), list.warnings.end(), std::back_inserter(found.warnings));
    for (ListedCase& listed : list.cases) {
      CaseSource& source = sources.emplace_back();
      const fs::path image = canonical_input(listed.image);
      if (fs::is_directory(image)) {
        source.root = image;
        search_folder(source, request.excluded);
      } else {
        source.root = image.parent_path();
        source.of_single_files = true;
        add_single_file(image, source);
      }
      source.listed = std::move(listed);
    }
  }
  return sources;
}

/// One listing over all sources, so that the loading process starts few workers.
void list_studies(std::vector<CaseSource>& sources, const Lister& list) {
  std::vector<fs::path> files;
  for (const CaseSource& source : sources) {
    files.insert(files.end(), source.files.dicom.begin(), source.files.dicom.end());
  }
  std::vector<ListedFile> listed = list(files);
  auto next = std::make_move_iterator(listed.begin());
  for (CaseSource& source : sources) {
    const auto count = static_cast<std::ptrdiff_t>(source.files.dicom.size());
    source.studies.assign(next, next + count);
    next += count;
  }
}

std::string shown(const CaseInput& input) {
  const fs::path& file = input.files.front();
  return to_utf8(input.root.filename().string()) + "/" + relative_name(file, input.root);
}

void require_unique(const std::vector<CaseInput>& cases) {
  for (std::size_t i = 1; i < cases.size(); ++i) {
    if (cases[i].case_id == cases[i - 1].case_id) {
      throw usage_error("two cases would both be named '" + cases[i].case_id +
                            "': " + shown(cases[i - 1]) + " and " + shown(cases[i]),
                        "give their common parent folder as the input, or name them in a list with "
                        "--cases");
    }
  }
}

} // namespace

FoundCases find_cases(const FindRequest& request, const Lister& list) {
  FoundCases found;
  std::vector<CaseSource> sources = sources_of(request, found);
  list_studies(sources, list);
  for (CaseSource& source : sources) {
    std::vector<CaseInput> cases = cases_of(source);
    if (source.listed) {
      cases = {the_listed_case(source, std::move(cases))};
    }
    std::move(cases.begin(), cases.end(), std::back_inserter(found.cases));
    std::move(source.files.warnings.begin(), source.files.warnings.end(),
              std::back_inserter(found.warnings));
    for (const auto& [folder, count] : source.files.skipped) {
      found.skipped_files += count;
    }
  }
  if (found.cases.empty()) {
    throw Error(ExitCode::no_input, Stage::find, "no_input",
                "no readable image in the input (" + std::to_string(found.skipped_files) +
                    " other files were skipped)",
                "give DICOM folders, or NIfTI, NRRD or MetaImage files");
  }
  std::stable_sort(found.cases.begin(), found.cases.end(),
                   [](const CaseInput& a, const CaseInput& b) { return a.case_id < b.case_id; });
  require_unique(found.cases);
  return found;
}

} // namespace cordlesion::io
