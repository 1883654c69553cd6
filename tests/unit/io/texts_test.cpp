// What of the texts of files and decoders may reach messages and reports.
#include "../../../src/io/decoder_output.hpp"
#include "../../../src/io/known_codes.hpp"
#include "../../../src/io/text_encoding.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cordlesion::io {
namespace {

TEST(DecoderMessage, IsTheFirstThatTellsOfLostPixels) {
  const auto message = first_decoder_message("Corrupt JPEG data: 4 extraneous bytes before marker "
                                             "0xd9\nCorrupt JPEG data: premature end of data "
                                             "segment\nBogus marker length\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->text, "Corrupt JPEG data: premature end of data segment");
  EXPECT_TRUE(message->pixels_lost);
}

TEST(DecoderMessage, OfStrayBytesLosesNoPixels) {
  const auto message =
      first_decoder_message("Corrupt JPEG data: 4 extraneous bytes before marker 0xd9");
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->pixels_lost);
}

TEST(DecoderMessage, LeavesOtherLinesOut) {
  EXPECT_FALSE(first_decoder_message("").has_value());
  EXPECT_FALSE(
      first_decoder_message("Warning: In /build/gdcm.cxx, line 7\nPatient DOE^JANE\n").has_value());
}

TEST(DecoderMessage, IsShortAndWithoutPaths) {
  const auto message =
      first_decoder_message("Bogus /home/doe\\x\x1b " + std::string(1000, 'x') + "\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->text.substr(0, 15), "Bogus homedoex ");
  EXPECT_EQ(message->text.size(), 120U);
}

TEST(ListedCode, KeepsCodesAndNoOtherWord) {
  EXPECT_EQ(listed_code("MR"), "MR");
  EXPECT_EQ(listed_code(""), "");
  EXPECT_EQ(listed_code("DOE_JANE"), "UNLISTED");
  EXPECT_EQ(listed_codes({"ORIGINAL", "DOE", "M_FFE", "AI"}),
            (std::vector<std::string>{"ORIGINAL", "UNLISTED", "M_FFE", "AI"}));
}

TEST(ToUtf8, TakesOtherTextForLatin1WithoutControlCharacters) {
  EXPECT_EQ(to_utf8("M\xfcller\x1b\x85"), "M\xc3\xbcller");
  EXPECT_EQ(to_utf8("M\xc3\xbcller\n"), "M\xc3\xbcller");
}

} // namespace
} // namespace cordlesion::io
