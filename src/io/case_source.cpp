// One input of the user and the cases it holds.
#include "case_source.hpp"

#include "bids.hpp"
#include "cordlesion/core/digest.hpp"
#include "dicom_meta.hpp"
#include "relative_name.hpp"
#include "volume_file.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t uid_digits = 8;

/// A path below the root as a name.
std::string flat_name(const fs::path& relative) {
  std::string name;
  for (const fs::path& part : relative) {
    if (part != "." && !part.empty()) {
      name.append(name.empty() ? "" : "_").append(part.string());
    }
  }
  return name;
}

fs::path common_folder(const fs::path& a, const fs::path& b) {
  fs::path common;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end() && *i == *j; ++i, ++j) {
    common /= *i;
  }
  return common;
}

struct Study {
  std::string uid;
  fs::path folder; ///< the deepest that holds all files
  std::vector<fs::path> files;
};

CaseInput volume_case(const fs::path& file, const fs::path& root, const std::string& case_id) {
  CaseInput input;
  input.format = CaseInput::Format::volume_file;
  input.root = root;
  input.files = {file};
  input.case_id = safe_case_id(case_id);
  return input;
}

/// Files without a study's UID are one study per folder.
std::vector<Study> studies_of(const CaseSource& source) {
  std::map<std::pair<std::string, fs::path>, Study> studies;
  for (std::size_t i = 0; i < source.files.dicom.size(); ++i) {
    const ListedFile& listed = source.studies[i];
    if (listed.kind != ListedFile::Kind::image) {
      continue;
    }
    const fs::path& file = source.files.dicom[i];
    const fs::path folder = file.parent_path();
    Study& study = studies[{listed.study_uid, listed.study_uid.empty() ? folder : fs::path()}];
    study.folder = study.files.empty() ? folder : common_folder(study.folder, folder);
    study.uid = listed.study_uid;
    study.files.push_back(file);
  }
  std::vector<Study> list;
  list.reserve(studies.size());
  for (auto& [key, study] : studies) {
    list.push_back(std::move(study));
  }
  return list;
}

std::string study_name(const Study& study, const CaseSource& source) {
  if (source.of_single_files && study.files.size() == 1) {
    const fs::path& file = study.files.front();
    const bool has_letters = file.extension() == ".dcm" || file.extension() == ".DCM" ||
                             file.extension() == ".ima" || file.extension() == ".IMA";
    return (has_letters ? file.stem() : file.filename()).string();
  }
  const std::string name = flat_name(study.folder.lexically_relative(source.root));
  return name.empty() ? source.root.filename().string() : name;
}

std::size_t skipped_beside(const Study& study, const CaseSource& source) {
  std::set<fs::path> folders;
  for (const fs::path& file : study.files) {
    folders.insert(file.parent_path());
  }
  std::size_t skipped = 0;
  for (const fs::path& folder : folders) {
    const auto found = source.files.skipped.find(folder);
    skipped += found != source.files.skipped.end() ? found->second : 0;
  }
  return skipped;
}

std::size_t skipped_in(const CaseSource& source) {
  std::size_t skipped = 0;
  for (const auto& [folder, count] : source.files.skipped) {
    skipped += count;
  }
  return skipped;
}

std::vector<CaseInput> dicom_cases(const CaseSource& source) {
  std::vector<Study> studies = studies_of(source);
  std::map<std::string, std::size_t> uses;
  for (const Study& study : studies) {
    ++uses[study_name(study, source)];
  }
  std::vector<CaseInput> cases;
  for (Study& study : studies) {
    std::string name = study_name(study, source);
    if (uses[name] > 1) {
      name.append("-").append(sha256_of_text(study.uid).substr(0, uid_digits));
    }
    CaseInput& input = cases.emplace_back();
    input.case_id = safe_case_id(name);
    input.format = CaseInput::Format::dicom;
    input.root = source.root;
    input.skipped_files = studies.size() == 1 ? skipped_in(source) : skipped_beside(study, source);
    input.files = std::move(study.files);
    std::sort(input.files.begin(), input.files.end());
  }
  return cases;
}

Error failure_of(const fs::path& file, const ListedFile& listed, const std::string& name) {
  const std::string hint = "export or copy the file again, or take it out of the folder";
  if (listed.kind == ListedFile::Kind::crashed) {
    return reader_crashed(Stage::find, name, listed.assertion);
  }
  if (listed.kind == ListedFile::Kind::timed_out) {
    return case_error(Stage::find, "reader_timeout", name + ": reading its header took too long",
                      hint);
  }
  if (listed.kind == ListedFile::Kind::without_study) {
    return case_error(Stage::find, "study_missing",
                      name + ": no StudyInstanceUID, which other files of the folder give; it may "
                             "be a slice that was cut",
                      hint);
  }
  const DicomMeta meta = read_dicom_meta(file);
  try {
    require_known_transfer_syntax(meta, name);
  } catch (const Error& unknown) {
    return unknown;
  }
  return dicom_unreadable(meta, name);
}

/// The id that a study of the file's folder would have; the file's own if that is taken.
std::string free_id(const fs::path& file, const CaseSource& source,
                    const std::vector<CaseInput>& cases) {
  const std::string id = safe_case_id(study_name({"", file.parent_path(), {file}}, source));
  const bool taken = std::any_of(cases.begin(), cases.end(),
                                 [&](const CaseInput& other) { return other.case_id == id; });
  return taken ? safe_case_id(flat_name(file.lexically_relative(source.root))) : id;
}

/// A broken file may belong to any study of its folder, so each of them fails; alone, it is a case.
void add_failure(const fs::path& file, const ListedFile& listed, const CaseSource& source,
                 std::vector<CaseInput>& cases) {
  const Error failure = failure_of(file, listed, relative_name(file, source.root));
  bool found = false;
  for (CaseInput& input : cases) {
    const bool beside =
        std::any_of(input.files.begin(), input.files.end(), [&](const fs::path& other) {
          return other.parent_path() == file.parent_path();
        });
    if (input.format == CaseInput::Format::dicom && beside) {
      if (!input.failure) {
        input.failure = failure;
      }
      found = true;
    }
  }
  if (!found) {
    CaseInput input;
    input.format = CaseInput::Format::dicom;
    input.root = source.root;
    input.files = {file};
    input.case_id = free_id(file, source, cases);
    input.failure = failure;
    cases.push_back(std::move(input));
  }
}

/// A header that was cut short may end before it names its study: such a slice must not be missed
/// in silence.
void mark_files_without_study(CaseSource& source) {
  std::set<fs::path> folders_of_studies;
  for (std::size_t i = 0; i < source.studies.size(); ++i) {
    if (!source.studies[i].study_uid.empty()) {
      folders_of_studies.insert(source.files.dicom[i].parent_path());
    }
  }
  for (std::size_t i = 0; i < source.studies.size(); ++i) {
    ListedFile& listed = source.studies[i];
    if (listed.kind == ListedFile::Kind::image && listed.study_uid.empty() &&
        folders_of_studies.contains(source.files.dicom[i].parent_path())) {
      listed.kind = ListedFile::Kind::without_study;
    }
  }
}

} // namespace

void add_single_file(const fs::path& file, CaseSource& source) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw usage_error("input '" + to_utf8(file.filename().string()) +
                      "' is neither a file nor a folder");
  }
  if (recognise(file) == FileKind::doubtful) {
    settle_doubtful({file}, source.root, source.files);
  } else {
    sort_in(file, source.files);
  }
}

std::vector<CaseInput> cases_of(CaseSource& source) {
  mark_files_without_study(source);
  for (std::size_t i = 0; i < source.files.dicom.size(); ++i) {
    if (source.studies[i].kind == ListedFile::Kind::not_an_image) {
      ++source.files.skipped[source.files.dicom[i].parent_path()];
    }
  }
  std::vector<CaseInput> cases = dicom_cases(source);
  for (std::size_t i = 0; i < source.files.dicom.size(); ++i) {
    const ListedFile::Kind kind = source.studies[i].kind;
    if (kind != ListedFile::Kind::image && kind != ListedFile::Kind::not_an_image) {
      add_failure(source.files.dicom[i], source.studies[i], source, cases);
    }
  }
  for (const fs::path& file : source.files.broken) {
    add_failure(file, ListedFile{}, source, cases);
  }
  for (const fs::path& file : source.files.volumes) {
    const fs::path folder = file.parent_path().lexically_relative(source.root);
    cases.push_back(volume_case(file, source.root, flat_name(folder / volume_stem(file))));
  }
  for (const fs::path& file : source.bids_images) {
    cases.push_back(volume_case(file, source.root, bids_case_id(file)));
  }
  return cases;
}

CaseInput the_listed_case(const CaseSource& source, std::vector<CaseInput> cases) {
  const ListedCase& listed = *source.listed;
  CaseInput input;
  if (cases.size() > 1) {
    const auto failed = std::find_if(cases.begin(), cases.end(),
                                     [](const CaseInput& found) { return bool(found.failure); });
    input = failed != cases.end() ? *failed : cases.front();
    if (!input.failure) {
      input.failure = case_error(Stage::find, "several_cases",
                                 listed.where + ": the image holds " +
                                     std::to_string(cases.size()) + " cases, one expected",
                                 "give each case a line of its own");
    }
  } else if (cases.empty()) {
    input.root = source.root;
    input.files = {listed.image};
    input.failure = case_error(Stage::find, "nothing_readable",
                               listed.where + ": no readable image at '" +
                                   to_utf8(listed.image.filename().string()) + "'",
                               "give a DICOM folder, or a NIfTI, NRRD or MetaImage file");
  } else {
    input = std::move(cases.front());
  }
  input.case_id = listed.case_id;
  input.mask = listed.mask;
  input.extra_columns = listed.extra_columns;
  return input;
}

} // namespace cordlesion::io
