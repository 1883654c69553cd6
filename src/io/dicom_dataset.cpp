// Values of a DICOM data set as text and numbers, none where they are missing or malformed. GDCM's
// own typed access is avoided: it asserts on malformed elements.
#include "dicom_dataset.hpp"

#include <gdcmByteValue.h>
#include <gdcmDicts.h>
#include <gdcmGlobal.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

namespace cordlesion::io {
namespace {

std::string_view bytes_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  if (!data.FindDataElement(tag)) {
    return {};
  }
  const gdcm::ByteValue* value = data.GetDataElement(tag).GetByteValue();
  if (value == nullptr || value->GetPointer() == nullptr) {
    return {};
  }
  return {value->GetPointer(), value->GetLength()};
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view padding(" \0\t\r\n", 5);
  const std::size_t begin = text.find_first_not_of(padding);
  if (begin == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(begin, text.find_last_not_of(padding) - begin + 1));
}

template <typename T> std::vector<double> binary_numbers(std::string_view bytes) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    numbers.push_back(static_cast<double>(value));
  }
  return numbers;
}

/// The value representation of an element; the dictionary's where the file does not say it.
gdcm::VR::VRType representation(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  const gdcm::VR vr = data.GetDataElement(tag).GetVR();
  if (vr != gdcm::VR::INVALID && vr != gdcm::VR::UN) {
    return vr;
  }
  return gdcm::Global::GetInstance().GetDicts().GetDictEntry(tag).GetVR();
}

std::optional<double> parsed(const std::string& text) {
  double value = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || stopped != end) {
    return std::nullopt;
  }
  return value;
}

} // namespace

std::string text_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  return trimmed(bytes_of(data, tag));
}

std::vector<std::string> texts_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  std::vector<std::string> values;
  std::string_view rest = bytes_of(data, tag);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\\');
    values.push_back(trimmed(rest.substr(0, end)));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return values;
}

std::vector<std::string> codes_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  std::vector<std::string> values = texts_of(data, tag);
  constexpr std::size_t longest = 16; // DICOM PS3.5, value representation CS
  if (values.size() > longest) {
    values.resize(longest);
  }
  for (std::string& value : values) {
    value.resize(std::min(value.size(), longest));
    for (char& c : value) {
      const bool lower = c >= 'a' && c <= 'z';
      const bool allowed = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ';
      c = lower ? static_cast<char>(c - 'a' + 'A') : allowed ? c : '_';
    }
  }
  return values;
}

std::optional<std::vector<double>> numbers_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  if (!has_value(data, tag)) {
    return std::nullopt;
  }
  std::vector<double> numbers;
  switch (representation(data, tag)) {
  case gdcm::VR::FD:
    numbers = binary_numbers<double>(bytes_of(data, tag));
    break;
  case gdcm::VR::FL:
    numbers = binary_numbers<float>(bytes_of(data, tag));
    break;
  case gdcm::VR::UL:
    numbers = binary_numbers<std::uint32_t>(bytes_of(data, tag));
    break;
  default:
    for (const std::string& text : texts_of(data, tag)) {
      numbers.push_back(parsed(text).value_or(std::nan("")));
    }
  }
  const bool finite = std::all_of(numbers.begin(), numbers.end(),
                                  [](double number) { return std::isfinite(number); });
  return finite ? std::optional(numbers) : std::nullopt;
}

std::optional<double> number_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  const auto numbers = numbers_of(data, tag);
  return numbers && !numbers->empty() ? std::optional<double>(numbers->front()) : std::nullopt;
}

std::optional<double> private_number_of(const gdcm::DataSet& data, std::uint16_t group,
                                        const std::string& creator, std::uint8_t element) {
  for (std::uint16_t block = 0x10; block <= 0xff; ++block) { // DICOM PS3.5, 7.8.1
    if (text_of(data, gdcm::Tag(group, block)) == creator) {
      const auto tag = static_cast<std::uint16_t>(block << 8U | element);
      const std::vector<std::string> texts = texts_of(data, gdcm::Tag(group, tag));
      const auto number = texts.empty() ? std::nullopt : parsed(texts.front());
      return number && std::isfinite(*number) ? number : std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<std::uint16_t> short_of(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  const std::string_view bytes = bytes_of(data, tag);
  if (bytes.size() != sizeof(std::uint16_t)) {
    return std::nullopt;
  }
  std::uint16_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

bool has_value(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  return !bytes_of(data, tag).empty();
}

Items::Items(const gdcm::DataSet& data, const gdcm::Tag& tag) {
  if (data.FindDataElement(tag)) {
    items_ = data.GetDataElement(tag).GetValueAsSQ();
  }
}

std::size_t Items::size() const {
  return items_ != nullptr ? items_->GetNumberOfItems() : 0;
}

const gdcm::DataSet& Items::operator[](std::size_t index) const {
  return items_->GetItem(index + 1).GetNestedDataSet(); // GDCM counts items from 1
}

} // namespace cordlesion::io
