#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/core/error.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

class OutputFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("cordlesion_output_test_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const fs::path& name) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name)
        << R"({"schema_version": 1, "case_id": "case", "tool": {"name": "cordlesion"}})";
  }

  ExitCode refusal(Existing existing) const {
    try {
      const OutputFolder output(folder_, existing);
    } catch (const Error& error) {
      return error.exit_code();
    }
    return ExitCode::ok;
  }

  fs::path folder_;
};

TEST_F(OutputFolderTest, IsCreatedWithItsParents) {
  const OutputFolder output(folder_ / "a" / "b", Existing::refuse);
  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
}

TEST_F(OutputFolderTest, ResultsAreRefusedUnlessToldOtherwise) {
  put("case/report.json");
  EXPECT_EQ(refusal(Existing::refuse), ExitCode::usage);
  EXPECT_EQ(refusal(Existing::resume), ExitCode::ok);
  EXPECT_TRUE(fs::exists(folder_ / "case/report.json"));
}

TEST_F(OutputFolderTest, CasesBehindLinksAreNotItsOwn) {
  put("elsewhere/case/report.json");
  fs::create_directories(folder_ / "out");
  fs::create_directory_symlink(folder_ / "elsewhere/case", folder_ / "out/linked");
  const OutputFolder output(folder_ / "out", Existing::overwrite);
  EXPECT_TRUE(output.other_cases({}).empty());
  EXPECT_TRUE(fs::exists(folder_ / "elsewhere/case/report.json"));
}

TEST_F(OutputFolderTest, OverwriteRemovesResultsButNothingElse) {
  put("case/report.json");
  put("case/lesion_mask.nii.gz");
  put("case/notes.txt");
  put("results.tsv");
  put("mine.txt");
  EXPECT_EQ(refusal(Existing::overwrite), ExitCode::ok);
  EXPECT_FALSE(fs::exists(folder_ / "case/report.json"));
  EXPECT_FALSE(fs::exists(folder_ / "case/lesion_mask.nii.gz"));
  EXPECT_FALSE(fs::exists(folder_ / "results.tsv"));
  EXPECT_TRUE(fs::exists(folder_ / "case/notes.txt"));
  EXPECT_TRUE(fs::exists(folder_ / "mine.txt"));
}

TEST_F(OutputFolderTest, ReportsOfOtherProgramsAreNotTouched) {
  fs::create_directories(folder_ / "other");
  std::ofstream(folder_ / "other/report.json") << R"({"tool": {"name": "another"}})";
  EXPECT_EQ(refusal(Existing::refuse), ExitCode::ok);
  EXPECT_EQ(refusal(Existing::overwrite), ExitCode::ok);
  EXPECT_TRUE(fs::exists(folder_ / "other/report.json"));
}

TEST_F(OutputFolderTest, ASecondRunIsKeptOut) {
  const OutputFolder first(folder_, Existing::refuse);
  EXPECT_EQ(refusal(Existing::resume), ExitCode::usage);
}

TEST_F(OutputFolderTest, BelowAFileIsAnOutputError) {
  fs::create_directories(folder_);
  put("file");
  try {
    const OutputFolder output(folder_ / "file" / "out", Existing::refuse);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::output);
  }
}

TEST_F(OutputFolderTest, TemporaryFilesOfKilledRunsAreSwept) {
  put(".cordlesion-123-1.nii.gz");
  put("case/.cordlesion-123-2");
  const OutputFolder output(folder_, Existing::resume);
  output.clear_case("case");
  EXPECT_FALSE(fs::exists(folder_ / ".cordlesion-123-1.nii.gz"));
  EXPECT_FALSE(fs::exists(folder_ / "case/.cordlesion-123-2"));
}

TEST_F(OutputFolderTest, EarlierFilesThatCannotBeRemovedAreAnErrorOfTheOutput) {
  const OutputFolder output(folder_, Existing::refuse);
  put("case/lesion_mask.nii.gz/notes");
  try {
    output.clear_case("case");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::output);
    EXPECT_EQ(error.code(), "output_not_writable");
    EXPECT_NE(std::string(error.what()).find("case case"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(fs::exists(folder_ / "case/lesion_mask.nii.gz/notes"));
}

} // namespace
} // namespace cordlesion::app
