// The coded words of MR headers that may appear in outputs.
#include "known_codes.hpp"

#include "image_types.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace cordlesion::io {
namespace {

// Defined terms of DICOM PS3.3 (C.7.3.1.1.1, C.7.6.3.1.2, C.8.3.1).
const std::set<std::string_view>& known() {
  static const std::set<std::string_view> codes{
      // Modality
      "MR", "CT", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "OT", "SC", "SR", "SEG", "REG",
      "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTIMAGE", "ES", "ECG", "SM",
      // PhotometricInterpretation
      "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "HSV", "ARGB", "CMYK", "YBR_FULL",
      "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
      // ScanningSequence, SequenceVariant
      "SE", "IR", "GR", "EP", "RM", "SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "TOF", "NONE"};
  return codes;
}

} // namespace

std::string listed_code(const std::string& code) {
  return code.empty() || known().contains(code) || image_kind(code) ? code : "UNLISTED";
}

std::vector<std::string> listed_codes(std::vector<std::string> codes) {
  std::transform(codes.begin(), codes.end(), codes.begin(), listed_code);
  return codes;
}

} // namespace cordlesion::io
