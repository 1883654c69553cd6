// Which sequence an image is of, in the words of classic and enhanced images and of scanners.
#include "mr_sequence.hpp"

#include "dicom_dataset.hpp"
#include "letter_case.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cordlesion::io {
namespace {

using gdcm::Tag;

bool says_echo_planar(const gdcm::DataSet& data) {
  const std::array<Tag, 2> names{Tag(0x0018, 0x0024), Tag(0x0018, 0x9005)};
  return text_of(data, Tag(0x0018, 0x9018)) == "YES" ||
         std::any_of(names.begin(), names.end(), [&](const Tag& tag) {
           const std::string name = upper(text_of(data, tag)); // as *epse2d1_118 of Siemens
           return name.starts_with("EP") || name.starts_with("*EP");
         });
}

} // namespace

std::optional<double> private_b_value(const gdcm::DataSet& data) {
  if (const auto siemens = private_number_of(data, 0x0019, "SIEMENS MR HEADER", 0x0c)) {
    return siemens;
  }
  constexpr double ge_flag = 1e5; // GE adds a multiple of it, as in 1000000800 for b = 800
  const auto ge = private_number_of(data, 0x0043, "GEMS_PARM_01", 0x39);
  return ge ? std::optional(std::fmod(*ge, ge_flag)) : std::nullopt;
}

std::vector<std::string> scanning_sequence_of(const gdcm::DataSet& data) {
  std::vector<std::string> sequence = codes_of(data, Tag(0x0018, 0x0020));
  if (sequence.empty()) {
    const std::string echo = text_of(data, Tag(0x0018, 0x9008));
    if (echo == "SPIN" || echo == "BOTH") {
      sequence.emplace_back("SE");
    }
    if (echo == "GRADIENT" || echo == "BOTH") {
      sequence.emplace_back("GR");
    }
  }
  if (says_echo_planar(data) &&
      std::find(sequence.begin(), sequence.end(), "EP") == sequence.end()) {
    sequence.emplace_back("EP");
  }
  return sequence;
}

} // namespace cordlesion::io
