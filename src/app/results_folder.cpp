// Looking through folders of results.
#include "results_folder.hpp"

#include "cordlesion/core/digest.hpp"
#include "cordlesion/core/error.hpp"
#include "cordlesion/report/report_json.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace cordlesion::app {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
  std::error_code unknown;
  if (!fs::is_regular_file(path, unknown)) {
    return {};
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf(); // fails where reading does, and on an empty file
  return text ? text.str() : std::string();
}

std::vector<std::string> cases_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::error_code unknown; // a folder of somebody else, a link to itself
    if (entry.is_directory(unknown) && fs::exists(entry.path() / "report.json", unknown)) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<report::CaseRows> rows_in(const fs::path& case_folder) {
  auto rows = report::rows_of(text_of_file(case_folder / "report.json"));
  return rows && rows->case_id == case_folder.filename() ? rows : std::nullopt;
}

std::optional<report::Digests> digests_in(const fs::path& case_folder) {
  return report::digests_of_complete_report(text_of_file(case_folder / "report.json"));
}

bool is_file_of(const fs::path& path, const std::optional<std::string>& digest) {
  std::error_code unknown;
  try {
    return digest && fs::is_regular_file(path, unknown) && sha256_of_file(path) == *digest;
  } catch (const Error&) { // cannot be read
    return false;
  }
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  std::error_code unknown;
  const fs::path beside =
      fs::weakly_canonical(path, unknown).lexically_relative(fs::weakly_canonical(folder, unknown));
  return !beside.empty() && *beside.begin() != "..";
}

std::string shown(const fs::path& folder) {
  const fs::path normal = folder.lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).string();
}

void require_results(const fs::path& folder) {
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) {
    throw usage_error(shown(folder) + " is not a folder, or cannot be reached",
                      "Give the output folder of a run.");
  }
  const auto no_results = [&](const std::string& what) {
    return Error(ExitCode::no_input, Stage::find, "no_results", shown(folder) + what,
                 "Give the output folder of a run: it holds run.json and a folder with "
                 "report.json for each case.");
  };
  try {
    if (!fs::exists(folder / "run.json") && cases_in(folder).empty()) {
      throw no_results(" holds no results: neither run.json nor a case's report.json was found");
    }
  } catch (const fs::filesystem_error& error) {
    throw no_results(" cannot be looked through: " + reason_of(error));
  }
}

} // namespace cordlesion::app
