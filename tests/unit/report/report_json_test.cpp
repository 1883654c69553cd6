#include "cordlesion/report/report_json.hpp"
#include "cordlesion/report/tables.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>

namespace cordlesion::report {
namespace {

using nlohmann::json;

CaseReport completed_report() {
  CompletedCase done;
  done.input.format = "nifti";
  done.input.grid.size = {4, 5, 6};
  done.preprocessing.fit = "letterbox";
  done.segmentation = {.source = "network", .threshold = 0.5, .voxels = 3, .volume_mm3 = 12};
  done.selected_slices.push_back(
      {.index = 2, .area_mm2 = 4, .second_class_probability = {{Node::ms_vs_nmosd, 0.25}}});
  Lesion lesion;
  lesion.id = 1;
  lesion.slices = {2, 3};
  done.lesions.push_back(lesion);
  done.classification = no_lesion_result();
  done.classification.label = "ms";
  done.classification.path = {"demyelination", "ms"};
  done.classification.nodes[Node::tumor_vs_demyelination] =
      decide(Node::tumor_vs_demyelination, {0.75}, 0.5, 0);
  done.classification.nodes[Node::ms_vs_nmosd] = decide(Node::ms_vs_nmosd, {0.25}, 0.5, 0);
  CaseReport report;
  report.case_id = "case-1";
  report.outcome = done;
  report.digests = {"a", "b", "c", "d"};
  report.precision = "fp32";
  return report;
}

CaseReport failed_report() {
  CaseReport report;
  report.case_id = "bad";
  report.outcome =
      FailedCase{case_error(Stage::read, "slice_gap", "a slice\tis missing\nhere", "Look.")};
  return report;
}

TEST(ReportJson, GivesNoVolumeOfASeriesWithGaps) {
  CaseReport gaps = completed_report();
  std::get<CompletedCase>(gaps.outcome).input.missing_slices = {1};
  const json report = json::parse(to_json(gaps));
  EXPECT_EQ(report["input"]["missing_slices"], json::array({1}));
  EXPECT_FALSE(report["segmentation"].contains("volume_mm3"));
  EXPECT_FALSE(report["lesions"][0].contains("volume_mm3"));
}

TEST(ReportJson, HoldsTheDecisionAndItsProbabilities) {
  const json report = json::parse(to_json(completed_report()));
  EXPECT_EQ(report["status"], "ok");
  EXPECT_EQ(report["classification"]["label"], "ms");
  const json& node = report["classification"]["nodes"]["ms_vs_nmosd"];
  EXPECT_EQ(node["decision"], "ms");
  EXPECT_DOUBLE_EQ(node["probabilities"]["ms"], 0.75);
  EXPECT_DOUBLE_EQ(node["probabilities"]["nmosd"], 0.25);
  EXPECT_EQ(report["classification"]["nodes"]["astrocytoma_vs_ependymoma"],
            (json{{"reached", false}}));
  EXPECT_FALSE(report.contains("error"));
}

TEST(ReportJson, NoLesionIsAStatusWithANullLabel) {
  CaseReport report = completed_report();
  auto& done = std::get<CompletedCase>(report.outcome);
  done.segmentation.voxels = 0;
  done.lesions.clear();
  done.classification = no_lesion_result();
  const json parsed = json::parse(to_json(report));
  EXPECT_EQ(parsed["status"], "no_lesion");
  EXPECT_TRUE(parsed["classification"]["label"].is_null());
}

TEST(ReportJson, AFailureSaysWhyAndHoldsNoResults) {
  const json report = json::parse(to_json(failed_report()));
  EXPECT_EQ(report["status"], "failed");
  EXPECT_EQ(report["error"]["code"], "slice_gap");
  EXPECT_EQ(report["error"]["stage"], "read");
  EXPECT_FALSE(report.contains("segmentation"));
}

TEST(ReportJson, NumbersThatAreNotFiniteAreRefused) {
  CaseReport report = completed_report();
  std::get<CompletedCase>(report.outcome).segmentation.volume_mm3 =
      std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(to_json(report), std::logic_error);
}

TEST(ReportJson, InvalidUtf8IsReplaced) {
  CaseReport report = completed_report();
  report.warnings.push_back({"odd", "caf\xe9"});
  const json parsed = json::parse(to_json(report));
  EXPECT_EQ(parsed["warnings"][0]["message"], "caf\xef\xbf\xbd");
}

TEST(ReportJson, DigestsAreReadBackFromCompleteReportsOnly) {
  const auto digests = digests_of_complete_report(to_json(completed_report()));
  ASSERT_TRUE(digests.has_value());
  EXPECT_EQ(digests->models, "b");
  EXPECT_FALSE(digests_of_complete_report(to_json(failed_report())).has_value());
  const std::string half = to_json(completed_report()).substr(0, 200);
  EXPECT_FALSE(digests_of_complete_report(half).has_value());
  EXPECT_FALSE(digests_of_complete_report("[1]").has_value());
}

TEST(Tables, HaveOneResultRowPerCaseInOrderOfTheirIds) {
  CaseReport later = completed_report();
  later.case_id = "zz";
  const Tables tables = tables_of({*rows_of(to_json(later)), *rows_of(to_json(failed_report())),
                                   *rows_of(to_json(completed_report()))});
  const std::size_t bad = tables.results.find("\nbad\tfailed\tn/a");
  const std::size_t first =
      tables.results.find("\ncase-1\tok\tms\tdemyelination,ms\t0.75\tn/a\t0.25");
  const std::size_t last = tables.results.find("\nzz\tok");
  ASSERT_NE(bad, std::string::npos);
  ASSERT_NE(first, std::string::npos);
  EXPECT_LT(bad, first);
  EXPECT_LT(first, last);
  EXPECT_NE(tables.lesions.find("\ncase-1\t1\t"), std::string::npos);
}

TEST(Tables, HaveNoRowsOfADamagedReport) {
  const json whole = json::parse(to_json(completed_report()));
  const std::vector<std::pair<const char*, json>> of_wrong_types{
      {"/status", 5}, {"/case_id", 7}, {"/lesions", 3}, {"/classification", "ms"}};
  for (const auto& [path, value] : of_wrong_types) {
    json damaged = whole;
    damaged[json::json_pointer(path)] = value;
    EXPECT_FALSE(rows_of(damaged.dump()).has_value()) << path;
  }
  for (const char* key : {"selected_slices", "lesions", "warnings", "models"}) {
    json cut = whole;
    cut.erase(key);
    EXPECT_FALSE(rows_of(cut.dump()).has_value()) << key;
  }
  EXPECT_FALSE(rows_of("").has_value());
}

TEST(Tables, EveryRowHasAsManyCellsAsTheHeader) {
  const Tables tables =
      tables_of({*rows_of(to_json(failed_report())), *rows_of(to_json(completed_report()))});
  for (const std::string& table : {tables.results, tables.lesions, tables.failures}) {
    std::size_t line_start = 0;
    std::ptrdiff_t cells = -1;
    while (line_start < table.size()) {
      const std::size_t line_end = table.find('\n', line_start);
      const auto tabs = std::count(table.begin() + static_cast<std::ptrdiff_t>(line_start),
                                   table.begin() + static_cast<std::ptrdiff_t>(line_end), '\t');
      cells = cells < 0 ? tabs : cells;
      EXPECT_EQ(tabs, cells) << table;
      line_start = line_end + 1;
    }
  }
}

} // namespace
} // namespace cordlesion::report
