// Whose image a DICOM file is, as far as it takes to tell two patients apart.
#pragma once

#include <string>
#include <string_view>

namespace gdcm {
class DataSet;
}

namespace cordlesion::io {

/// Identity, never in a message. Spellings of one value are folded, values that say nothing empty.
struct Patient {
  std::string id;
  std::string name; ///< family and given name: their ASCII letters and digits, in capitals
  std::string birth_date;
  std::string sex; ///< M or F
};

Patient read_patient(const gdcm::DataSet& data);

/// Takes up into `known` what `other` says more. Returns the first attribute that both give and in
/// which they differ; empty if none.
std::string_view join_patient(Patient& known, const Patient& other);

} // namespace cordlesion::io
