#include "cordlesion/core/digest.hpp"
#include "cordlesion/core/error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cordlesion {
namespace {

TEST(Digest, MatchesTheStandardsExamples) { // FIPS 180-4 example vectors
  EXPECT_EQ(sha256_of_text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of_text("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, OfAFileEqualsThatOfItsText) {
  const auto path = std::filesystem::temp_directory_path() / "cordlesion_digest_test.txt";
  const std::string text(1'000'000, 'a');
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(sha256_of_file(path),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  std::filesystem::remove(path);
}

TEST(Digest, OfAMissingFileIsAnError) {
  EXPECT_THROW(sha256_of_file("/nonexistent/file"), Error);
}

} // namespace
} // namespace cordlesion
