// Describing and digesting many cases: several share a worker, and one that ends it fails alone.
#include "test_files.hpp"

#include <string>
#include <vector>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

constexpr std::size_t good_cases = 40; // more than one worker is given
constexpr std::size_t too_large = 19;  // needs more memory than the worker may take
constexpr std::size_t known_bad = 20;
constexpr std::size_t damaged = 30;

class CaseBatches : public testing::Test {
 protected:
  void SetUp() override {
    for (std::size_t i = 0; i < good_cases; ++i) {
      CaseInput& input = cases.emplace_back();
      input.case_id = std::string("c").append(std::to_string(i));
      input.root = folder.path();
      input.files = {folder / (input.case_id + ".nii")};
      write_bytes(input.files.front(), NiftiFile(8, 20, 24).bytes());
    }
    write_bytes(cases[too_large].files.front(), NiftiFile(400, 400, 200).bytes());
    cases[known_bad].failure = case_error(Stage::find, "known", "known from listing");
    write_bytes(cases[damaged].files.front(), "no image");
  }

  TempFolder folder;
  std::vector<CaseInput> cases;
  CaseLoader loader{{.seconds_per_case = 30, .memory_bytes = std::size_t{96} << 20}};
};

} // namespace

TEST_F(CaseBatches, EachCaseIsDescribedInOrder) {
  std::vector<std::string> outcomes;
  loader.describe(cases, {}, [&](std::size_t i, const CaseDescription& description) {
    EXPECT_EQ(i, outcomes.size());
    outcomes.push_back(description.failure ? description.failure->code() : "");
  });
  std::vector<std::string> expected(good_cases);
#if !defined(__SANITIZE_ADDRESS__) // under which the memory of the loading process has no limit
  expected[too_large] = "reader_out_of_memory";
#endif
  expected[known_bad] = "known";
  expected[damaged] = outcomes.at(damaged);
  EXPECT_EQ(outcomes, expected);
  EXPECT_NE(outcomes[damaged], "");
}

TEST_F(CaseBatches, DigestsAreThoseOfLoadedCases) {
  std::vector<std::optional<std::string>> digests;
  cases[damaged].files = {folder / "gone.nii"};
  loader.digest(cases, [&](std::size_t i, const std::optional<std::string>& digest) {
    EXPECT_EQ(i, digests.size());
    digests.push_back(digest);
  });
  ASSERT_EQ(digests.size(), good_cases);
  EXPECT_FALSE(digests[known_bad].has_value());
  EXPECT_FALSE(digests[damaged].has_value());
  EXPECT_EQ(digests.front(), loader.load(cases.front(), {}).digest);
  EXPECT_EQ(digests.back(), loader.load(cases.back(), {}).digest);
}

TEST_F(CaseBatches, WhatTheReceiverThrowsEndsTheRequest) {
  std::size_t described = 0;
  const auto stop = [&](std::size_t i, const CaseDescription&) {
    ++described;
    if (i == 3) {
      throw usage_error("stop");
    }
  };
  EXPECT_THROW(loader.describe(cases, {}, stop), Error);
  EXPECT_EQ(described, 4U);
  EXPECT_NO_THROW(loader.load(cases.front(), {}));
}
