// The listing of `scan`, as JSON and as text.
#include "cordlesion/report/scan_listing.hpp"

#include "model_json.hpp"
#include "series_json.hpp"

#include <iomanip>
#include <sstream>

namespace cordlesion::report {
namespace {

std::string decision_of(const SeriesCandidate& candidate) {
  if (candidate.chosen) {
    return "chosen";
  }
  return candidate.accepted ? "accepted" : "rejected";
}

std::string size_of(const SeriesInfo& info) {
  if (!info.readable) {
    return "unreadable";
  }
  std::ostringstream text;
  text << info.grid.size[0] << 'x' << info.grid.size[1] << 'x' << info.grid.size[2] << ", "
       << std::setprecision(3) << info.grid.spacing_mm[0] << 'x' << info.grid.spacing_mm[1] << 'x'
       << info.grid.spacing_mm[2] << " mm";
  return text.str();
}

void add_text(std::ostringstream& text, const ScannedCase& scanned) {
  text << scanned.case_id << "  (" << scanned.format << ", " << scanned.files
       << (scanned.files == 1 ? " file" : " files") << ")\n";
  for (const SeriesCandidate& candidate : scanned.candidates) {
    text << "  " << std::left << std::setw(9) << decision_of(candidate) << std::setw(8)
         << (candidate.info.weighting.empty() ? "unknown" : candidate.info.weighting) << ' '
         << std::setw(32) << size_of(candidate.info) << std::setw(18) << candidate.info.uid_digest
         << candidate.reason << '\n';
  }
  for (const Warning& warning : scanned.warnings) {
    text << "  warning   " << warning.code << ": " << warning.message << '\n';
  }
  if (scanned.failure) {
    text << "  cannot be used: " << scanned.failure->code() << ": " << scanned.failure->what()
         << '\n';
  }
}

} // namespace

std::string scan_json(const std::vector<ScannedCase>& cases) {
  Json list = Json::array();
  for (const ScannedCase& scanned : cases) {
    Json json{{"case_id", scanned.case_id},
              {"format", scanned.format},
              {"files", scanned.files},
              {"skipped_files", scanned.skipped_files},
              {"candidates", candidates_json(scanned.candidates)},
              {"warnings", json_of(scanned.warnings)}};
    if (scanned.failure) {
      json["error"] = {{"code", scanned.failure->code()}, {"message", scanned.failure->what()}};
    }
    list.push_back(json);
  }
  return text_of(list);
}

std::string scan_text(const std::vector<ScannedCase>& cases) {
  std::ostringstream text;
  for (const ScannedCase& scanned : cases) {
    add_text(text, scanned);
  }
  return text.str();
}

} // namespace cordlesion::report
