// Values of a DICOM data set as text and numbers, none where they are missing or malformed.
#pragma once

#include <gdcmDataSet.h>
#include <gdcmSequenceOfItems.h>
#include <gdcmSmartPointer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

/// Value as text without padding; empty if missing.
std::string text_of(const gdcm::DataSet& data, const gdcm::Tag& tag);
/// The components of a multi-valued text.
std::vector<std::string> texts_of(const gdcm::DataSet& data, const gdcm::Tag& tag);
/// A code string's components reduced to its alphabet [A-Z0-9_ ], so that nothing else gets out.
std::vector<std::string> codes_of(const gdcm::DataSet& data, const gdcm::Tag& tag);
/// Decimal strings or binary floats; none if missing or if any component is not a finite number.
std::optional<std::vector<double>> numbers_of(const gdcm::DataSet& data, const gdcm::Tag& tag);
std::optional<double> number_of(const gdcm::DataSet& data, const gdcm::Tag& tag);
/// The first number of a private element, given by its lowest byte in the block of its creator.
std::optional<double> private_number_of(const gdcm::DataSet& data, std::uint16_t group,
                                        const std::string& creator, std::uint8_t element);
/// An unsigned 16-bit value.
std::optional<std::uint16_t> short_of(const gdcm::DataSet& data, const gdcm::Tag& tag);
/// True if the element is there and not empty.
bool has_value(const gdcm::DataSet& data, const gdcm::Tag& tag);

/// The items of a sequence; empty if missing.
class Items {
 public:
  Items(const gdcm::DataSet& data, const gdcm::Tag& tag);
  std::size_t size() const;
  const gdcm::DataSet& operator[](std::size_t index) const;

 private:
  gdcm::SmartPointer<gdcm::SequenceOfItems> items_;
};

} // namespace cordlesion::io
