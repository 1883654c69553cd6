#include "cordlesion/report/merged_run.hpp"

#include <gtest/gtest.h>

namespace cordlesion::report {
namespace {

ShardRun shard(const std::string& part, std::size_t cases) {
  RunRecord run;
  run.options = {{"shard", part}, {"all_nodes", "false"}};
  run.versions = {{"cpu_capability", "AVX2"}};
  run.device = "cpu";
  run.precision = "fp32";
  run.counts = {{"cases", cases}, {"resumed", 1}};
  run.timing_ms = {{"total", 10}};
  return {"runs/part" + part.substr(0, 1), run};
}

std::string message_of(const std::vector<ShardRun>& shards) {
  try {
    merged_run(shards);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(RunRecord, IsReadBackAsItWasWritten) {
  RunRecord run = shard("1/2", 3).run;
  run.models = {
      .name = "m", .version = "2", .trained = true, .trained_on = "x", .sha256 = {{"a", "b"}}};
  run.warnings = {{"code", "message"}};
  run.interrupted = true;
  run.case_ids = {"a", "b"};
  const std::string text = to_json(run);
  const auto back = run_record_of(text);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(to_json(*back), text);
}

TEST(RunRecord, IsNotReadFromOtherTexts) {
  EXPECT_FALSE(run_record_of("").has_value());
  EXPECT_FALSE(run_record_of("{}").has_value());
  EXPECT_FALSE(run_record_of("[]").has_value());
  EXPECT_FALSE(run_record_of(R"({"tool": {"name": "other"}, "schema_version": 1})").has_value());
}

TEST(MergedRun, AddsTimesAndResumedCasesAndListsTheShards) {
  const RunRecord merged = merged_run({shard("1/2", 3), shard("2/2", 2)});
  EXPECT_DOUBLE_EQ(merged.timing_ms.at("total"), 20);
  EXPECT_EQ(merged.counts.at("resumed"), 2U);
  EXPECT_EQ(merged.options.at("shard"), "1/1");
  ASSERT_EQ(merged.shards.size(), 2U);
  EXPECT_EQ(merged.shards[1].folder, "part2");
  EXPECT_EQ(merged.shards[1].counts.at("cases"), 2U);
  EXPECT_TRUE(merged.warnings.empty());
}

TEST(MergedRun, SaysAWarningOfAllShardsOnce) {
  ShardRun one = shard("1/2", 1);
  ShardRun two = shard("2/2", 1);
  one.run.warnings = two.run.warnings = {{"dangling_link", "a"}};
  two.run.warnings.push_back({"dangling_link", "b"});
  EXPECT_EQ(merged_run({one, two}).warnings.size(), 2U);
}

TEST(MergedRun, RefusesAnOptionThatOnlyOneShardHas) {
  ShardRun other = shard("2/2", 1);
  other.run.options["threshold.ms_vs_nmosd"] = "0.4";
  const std::string message = message_of({shard("1/2", 1), other});
  EXPECT_NE(message.find("options.threshold.ms_vs_nmosd: not given in part1, 0.4 in part2"),
            std::string::npos)
      << message;
}

TEST(MergedRun, WarnsOfAnotherProcessorButNotOfAnotherTimeLimit) {
  ShardRun other = shard("2/2", 1);
  other.run.versions["cpu_capability"] = "AVX512";
  other.run.options["load_timeout_s"] = "5";
  const RunRecord merged = merged_run({shard("1/2", 1), other});
  ASSERT_EQ(merged.warnings.size(), 1U);
  EXPECT_EQ(merged.warnings[0].message, "versions.cpu_capability: AVX2 in part1, AVX512 in part2");
}

TEST(MergedRun, NamesAPartThatIsMissing) {
  EXPECT_NE(message_of({shard("1/3", 1), shard("3/3", 1)}).find("shard 2/3"), std::string::npos);
}

TEST(MergedRun, TakesRunsOverListsThatWereNoShards) {
  EXPECT_EQ(merged_run({shard("1/1", 1), shard("1/1", 1)}).shards.size(), 2U);
}

} // namespace
} // namespace cordlesion::report
