// From what the search found to a list of cases: group into studies, name.
#include "find_cases.hpp"

#include "case_source.hpp"
#include "relative_name.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

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

FoundCases find_cases(SearchedInputs searched, const Lister& list) {
  FoundCases found;
  found.warnings = std::move(searched.warnings);
  std::vector<CaseSource>& sources = searched.sources;
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
