// The coded words of MR headers that may appear in outputs.
#include "known_codes.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace cordlesion::io {
namespace {

// Defined terms of DICOM PS3.3 (C.7.3.1.1.1, C.7.6.1.1.2, C.7.6.3.1.2, C.8.3.1, C.8.13.3) and what
// MR scanners add to image types.
const std::set<std::string_view>& known() {
  static const std::set<std::string_view> codes{
      // Modality
      "MR", "CT", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "OT", "SC", "SR", "SEG", "REG",
      "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTIMAGE", "ES", "ECG", "SM",
      // PhotometricInterpretation
      "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "HSV", "ARGB", "CMYK", "YBR_FULL",
      "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
      // ScanningSequence, SequenceVariant
      "SE", "IR", "GR", "EP", "RM", "SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "TOF", "NONE",
      // ImageType
      "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "MIXED", "OTHER", "AI", "AXIAL", "SAGITTAL",
      "CORONAL", "OBLIQUE", "LOCALIZER", "SCOUT", "M", "P", "R", "I", "MAGNITUDE", "PHASE", "REAL",
      "IMAGINARY", "COMPLEX", "M_SE", "M_FFE", "M_IR", "M_B0", "M_B1", "P_SE", "P_FFE", "P_IR",
      "R_SE", "R_FFE", "R_IR", "I_SE", "I_FFE", "I_IR", "FFE", "FSE", "TSE", "STIR", "FLAIR", "T1",
      "T2", "T2_STAR", "PROTON_DENSITY", "DIFFUSION", "PERFUSION", "ND", "NORM", "DIS2D", "DIS3D",
      "FM", "FS", "FIL", "FILTERED", "SC", "MFSPLIT", "MOSAIC", "ADC", "EADC", "FA", "TENSOR",
      "TRACE", "TRACEW", "DWI", "CALC_BVALUE", "T1 MAP", "T2 MAP", "R2 MAP", "T1_MAP", "T2_MAP",
      "R2_MAP", "PHASE MAP", "VELOCITY", "WATER", "FAT", "W", "F", "IN_PHASE", "OUT_PHASE",
      "OPP_PHASE", "IP", "OP", "DIXON", "MPR", "CPR", "MIP", "MINIP", "CSA MPR", "CSA MIP",
      "CSAPARALLEL", "PROJECTION IMAGE", "REFORMATTED", "RESAMPLED", "VOLUME", "VOLUME_RENDER",
      "SUB", "SUBTRACT", "SUBTRACTION", "ADD", "ADDITION", "MEAN", "MEDIAN", "QUANTITY", "COMPOSED",
      "COMBINED", "COMP_SP", "COMP_AD", "COMP_AN", "SPINE", "PROCESSED", "ENHANCED", "SNAPSHOT",
      "SCREENSHOT", "SHUTTER", "PSEUDOCOLOR", "ASSOCIATED", "3D", "2D"};
  return codes;
}

} // namespace

std::string listed_code(const std::string& code) {
  return code.empty() || known().contains(code) ? code : "UNLISTED";
}

std::vector<std::string> listed_codes(std::vector<std::string> codes) {
  std::transform(codes.begin(), codes.end(), codes.begin(), listed_code);
  return codes;
}

} // namespace cordlesion::io
