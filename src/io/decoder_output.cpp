// What the decoders of compressed pixels print.
#include "decoder_output.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <iterator>

namespace cordlesion::io {
namespace {

constexpr std::size_t longest_message = 120;

/// How the messages of libjpeg (jerror.h) and OpenJPEG begin that tell of broken streams.
constexpr std::array<std::string_view, 23> openings{"Corrupt JPEG data",
                                                    "Premature end of JPEG file",
                                                    "Premature end of input file",
                                                    "Bogus ",
                                                    "Unsupported marker type",
                                                    "Unsupported JPEG process",
                                                    "Unsupported JPEG data precision",
                                                    "JPEG datastream contains no image",
                                                    "Not a JPEG file",
                                                    "Invalid JPEG file structure",
                                                    "Invalid SOS parameters",
                                                    "Invalid component ID",
                                                    "Huffman table 0x",
                                                    "Quantization table 0x",
                                                    "Warning: unknown JFIF revision",
                                                    "Inconsistent progression sequence",
                                                    "Tile part length size inconsistent",
                                                    "Error with SIZ marker",
                                                    "Marker handler function failed",
                                                    "Marker is not compliant",
                                                    "Marker size inconsistent",
                                                    "Unknown marker has been detected",
                                                    "Stream too short"};

bool is_of_decoder(std::string_view line) {
  return std::any_of(openings.begin(), openings.end(),
                     [&](std::string_view opening) { return line.starts_with(opening); });
}

/// Stray bytes between markers hurt nothing; every other message of a decoder does.
bool is_harmless(std::string_view line) {
  return line.find("extraneous bytes") != std::string_view::npos ||
         line.starts_with("Warning: unknown JFIF revision");
}

std::string printable(std::string_view line) {
  std::string text;
  std::copy_if(line.begin(), line.end(), std::back_inserter(text),
               [](char c) { return c >= ' ' && c <= '~' && c != '/' && c != '\\'; });
  return text.substr(0, longest_message);
}

} // namespace

std::optional<DecoderMessage> first_decoder_message(std::string_view printed) {
  std::optional<DecoderMessage> first;
  while (!printed.empty()) {
    const std::size_t end = printed.find('\n');
    const std::string_view line = printed.substr(0, end);
    printed = end == std::string_view::npos ? std::string_view{} : printed.substr(end + 1);
    if (is_of_decoder(line) && (!first || !first->pixels_lost)) {
      const bool lost = !is_harmless(line);
      if (!first || lost) {
        first = DecoderMessage{printable(line), lost};
      }
    }
  }
  return first;
}

DecoderOutput::DecoderOutput() : start_(::lseek(STDERR_FILENO, 0, SEEK_CUR)) {}

std::optional<DecoderMessage> DecoderOutput::first_message() const {
  std::cout.flush();
  std::fflush(nullptr);
  std::string printed(8192, '\0');
  const ssize_t got =
      start_ < 0 ? -1 : ::pread(STDERR_FILENO, printed.data(), printed.size(), start_);
  printed.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return first_decoder_message(printed);
}

} // namespace cordlesion::io
