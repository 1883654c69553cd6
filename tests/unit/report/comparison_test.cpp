#include "cordlesion/report/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace cordlesion::report {
namespace {

std::vector<Difference> compare(const std::string& expected, const std::string& actual,
                                const Tolerances& tolerances = {}) {
  return differences_of("c", findings_of(expected).value(), findings_of(actual).value(),
                        tolerances);
}

std::string with_volume(const std::string& volume) {
  return R"({"status": "ok", "segmentation": {"volume_mm3": )" + volume + "}}";
}

TEST(Comparison, NeedsJsonWithAStatus) {
  EXPECT_FALSE(findings_of("").has_value());
  EXPECT_FALSE(findings_of("{").has_value());
  EXPECT_FALSE(findings_of(R"({"case_id": "a"})").has_value());
  EXPECT_TRUE(findings_of(R"({"status": "ok"})").has_value());
}

TEST(Comparison, LeavesOutWhatOnlyTheActualReportHolds) {
  EXPECT_TRUE(compare(R"({"status": "ok"})", with_volume("5")).empty());
}

TEST(Comparison, MissesWhatOnlyTheExpectedReportHolds) {
  const auto differences = compare(with_volume("5"), R"({"status": "ok"})");
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_EQ(differences[0].quantity, "volume_mm3");
  EXPECT_EQ(differences[0].expected, "5");
  EXPECT_EQ(differences[0].actual, "missing");
}

TEST(Comparison, AllowsVolumesAPartOfTheLarger) {
  EXPECT_TRUE(compare(with_volume("100"), with_volume("99")).empty());
  EXPECT_TRUE(compare(with_volume("99"), with_volume("100")).empty());
  EXPECT_EQ(compare(with_volume("100"), with_volume("98.9")).size(), 1U);
  EXPECT_TRUE(compare(with_volume("0"), with_volume("0"), {.volume = 0}).empty());
  EXPECT_EQ(compare(with_volume("0"), with_volume("1e-9")).size(), 1U);
}

TEST(Comparison, WithoutToleranceShowsTheLastDigit) {
  const auto differences =
      compare(with_volume("0.1"), with_volume("0.10000000000000002"), {.volume = 0});
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_EQ(differences[0].actual, "0.10000000000000002");
}

TEST(Comparison, TellsALabelFromNone) {
  const std::string none = R"({"status": "ok", "classification": {"label": null}})";
  const auto differences = compare(none, R"({"status": "ok", "classification": {"label": "ms"}})");
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_EQ(differences[0].expected, "n/a");
  EXPECT_TRUE(compare(none, none).empty());
}

TEST(Comparison, AlignsTheColumnsOfItsTable) {
  const std::string table = table_of({{"case", "p", "0.5", "0.75", "0.1"}});
  EXPECT_EQ(table, "case_id  quantity  expected  actual  allowed\n"
                   "case     p         0.5       0.75    0.1\n");
}

} // namespace
} // namespace cordlesion::report
