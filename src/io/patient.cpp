// Whose image a DICOM file is, as far as it takes to tell two patients apart.
#include "patient.hpp"

#include "dicom_dataset.hpp"
#include "letter_case.hpp"

#include <algorithm>
#include <utility>

namespace cordlesion::io {
namespace {

using gdcm::Tag;

/// What stays of a text however it is padded, punctuated, capitalised and encoded.
std::string letters_and_digits(std::string text) {
  std::erase_if(text, [](char c) {
    return !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
  });
  return upper(std::move(text));
}

/// DICOM PS3.5, 6.2.1: Family^Given^Middle^Prefix^Suffix, in other scripts after each '='.
std::string family_and_given(std::string name) {
  name.resize(std::min(name.find('='), name.size()));
  const std::size_t family = name.find('^');
  const std::size_t given = family == std::string::npos ? family : name.find('^', family + 1);
  return letters_and_digits(name.substr(0, given));
}

} // namespace

Patient read_patient(const gdcm::DataSet& data) {
  const std::string sex = letters_and_digits(text_of(data, Tag(0x0010, 0x0040))).substr(0, 1);
  return {text_of(data, Tag(0x0010, 0x0020)), family_and_given(text_of(data, Tag(0x0010, 0x0010))),
          letters_and_digits(text_of(data, Tag(0x0010, 0x0030))),
          sex == "M" || sex == "F" ? sex : ""};
}

std::string_view join_patient(Patient& known, const Patient& other) {
  static constexpr std::pair<std::string Patient::*, std::string_view> attributes[]{
      {&Patient::id, "PatientID"},
      {&Patient::name, "PatientName"},
      {&Patient::birth_date, "PatientBirthDate"},
      {&Patient::sex, "PatientSex"}};
  for (const auto& [value, name] : attributes) {
    if ((known.*value).empty()) {
      known.*value = other.*value;
    } else if (!(other.*value).empty() && known.*value != other.*value) {
      return name;
    }
  }
  return {};
}

} // namespace cordlesion::io
