// Tab-separated tables from the reports of the cases.
#include "cordlesion/report/tables.hpp"

#include "cordlesion/core/error.hpp"
#include "prediction_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cordlesion::report {
namespace {

constexpr std::string_view results_header =
    "case_id\tstatus\tlabel\tpath\tp_demyelination\tp_ependymoma\tp_nmosd\tlesions\tvolume_mm3\t"
    "selected_slices\twarnings\terror_code";
constexpr std::string_view lesions_header =
    "case_id\tlesion_id\tvoxels\tvolume_mm3\tlength_si_mm\twidth_ap_mm\tmax_area_mm2\t"
    "centroid_voxel\tcentroid_ras_mm\tslices\tmean_intensity\tsd_intensity\ttouches_border";
constexpr std::string_view failures_header = "case_id\tstage\tcode\tmessage\thint";
constexpr std::string_view missing = "n/a"; // BIDS' word for a value that does not exist

/// A value as one cell: no tabs, no line ends.
std::string cell(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text.empty() ? std::string(missing) : text;
}

std::string cell_if(const Json& object, const char* key) {
  return object.contains(key) ? cell(object.at(key)) : std::string(missing);
}

std::string joined(const std::vector<std::string>& cells, char separator) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += (i == 0 ? "" : std::string(1, separator)) + cells[i];
  }
  return line;
}

std::string joined_list(const Json& list) {
  std::vector<std::string> cells;
  for (const Json& item : list) {
    cells.push_back(cell(item));
  }
  return cells.empty() ? std::string(missing) : joined(cells, ',');
}

std::string probability_cell(const Json& report, const char* node, const char* second_class) {
  const Json& result = report.at("classification").at("nodes").at(node);
  return result.contains("probabilities") ? cell(result.at("probabilities").at(second_class))
                                          : std::string(missing);
}

std::string warning_codes(const Json& report) {
  Json codes = Json::array();
  for (const Json& warning : report.at("warnings")) {
    codes.push_back(warning.at("code"));
  }
  return joined_list(codes);
}

std::string label_cell(const Json& report) {
  const bool labelled =
      report.contains("classification") && !report.at("classification").at("label").is_null();
  return labelled ? cell(report.at("classification").at("label")) : std::string(missing);
}

std::string result_row(const Json& report) {
  std::vector<std::string> cells{cell(report.at("case_id")), cell(report.at("status"))};
  if (report.at("status") == "failed") {
    cells.insert(cells.end(), 8, std::string(missing));
    cells.push_back(warning_codes(report));
    cells.push_back(cell(report.at("error").at("code")));
    return joined(cells, '\t');
  }
  const Json& classification = report.at("classification");
  cells.push_back(label_cell(report));
  cells.push_back(joined_list(classification.at("path")));
  cells.push_back(probability_cell(report, "tumor_vs_demyelination", "demyelination"));
  cells.push_back(probability_cell(report, "astrocytoma_vs_ependymoma", "ependymoma"));
  cells.push_back(probability_cell(report, "ms_vs_nmosd", "nmosd"));
  cells.push_back(std::to_string(report.at("lesions").size()));
  cells.push_back(cell_if(report.at("segmentation"), "volume_mm3"));
  cells.push_back(std::to_string(report.at("selected_slices").size()));
  cells.push_back(warning_codes(report));
  cells.emplace_back(missing);
  return joined(cells, '\t');
}

std::string lesion_row(const Json& case_id, const Json& lesion) {
  return joined({cell(case_id), cell(lesion.at("id")), cell(lesion.at("voxels")),
                 cell_if(lesion, "volume_mm3"), cell(lesion.at("length_si_mm")),
                 cell(lesion.at("width_ap_mm")), cell(lesion.at("max_area_mm2")),
                 joined_list(lesion.at("centroid_voxel")),
                 joined_list(lesion.at("centroid_ras_mm")), joined_list(lesion.at("slices")),
                 cell(lesion.at("mean_intensity")), cell(lesion.at("sd_intensity")),
                 cell(lesion.at("touches_border"))},
                '\t');
}

std::string failure_row(const Json& report) {
  const Json& error = report.at("error");
  return joined({cell(report.at("case_id")), cell(error.at("stage")), cell(error.at("code")),
                 cell(error.at("message")), cell(error.at("hint"))},
                '\t');
}

void add_lines(std::string& table, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    table += line + "\n";
  }
}

CaseRows rows_of(const Json& report) {
  CaseRows rows{.case_id = report.at("case_id"),
                .status = report.at("status"),
                .label = label_cell(report),
                .result = result_row(report),
                .lesions = {},
                .failures = {}};
  if (report.contains("lesions")) {
    for (const Json& lesion : report.at("lesions")) {
      rows.lesions.push_back(lesion_row(report.at("case_id"), lesion));
    }
  }
  if (report.contains("error")) {
    rows.failures.push_back(failure_row(report));
  }
  return rows;
}

} // namespace

std::optional<CaseRows> rows_of(const std::string& report_json) {
  try {
    const Json report = Json::parse(report_json);
    prediction_of(report);
    return rows_of(report);
  } catch (const Error&) { // half a report, one of other types, or something else's
    return std::nullopt;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::vector<CaseRows> in_order(std::vector<CaseRows> rows) {
  std::sort(rows.begin(), rows.end(),
            [](const CaseRows& a, const CaseRows& b) { return a.case_id < b.case_id; });
  return rows;
}

Tables tables_of(const std::vector<CaseRows>& rows) {
  Tables tables{std::string(results_header) + "\n", std::string(lesions_header) + "\n",
                std::string(failures_header) + "\n"};
  for (const CaseRows& row : in_order(rows)) {
    add_lines(tables.results, {row.result});
    add_lines(tables.lesions, row.lesions);
    add_lines(tables.failures, row.failures);
  }
  return tables;
}

} // namespace cordlesion::report
