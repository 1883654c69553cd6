// What the words of ImageType say of a slice.
#include "image_types.hpp"

#include <map>
#include <set>

namespace cordlesion::io {
namespace {

using Words = std::set<std::string_view>;

// Defined terms of DICOM PS3.3 (C.7.6.1.1.2, C.8.3.1.1.1, C.8.13.3.1) and what MR scanners add.
// DERIVED and SECONDARY say nothing: some scanners write them on every image.
const std::map<ImageKind, Words>& words() {
  static const std::map<ImageKind, Words> kinds{
      {ImageKind::plain, {"ORIGINAL",    "DERIVED",     "PRIMARY",     "SECONDARY",
                          "MIXED",       "OTHER",       "NONE",        "AI",
                          "AXIAL",       "SAGITTAL",    "CORONAL",     "OBLIQUE",
                          "M",           "MAGNITUDE",   "M_SE",        "M_FFE",
                          "M_IR",        "SE",          "FFE",         "FSE",
                          "TSE",         "STIR",        "FLAIR",       "T1",
                          "T2",          "T2_STAR",     "PERFUSION",   "PROTON_DENSITY",
                          "DIFFUSION",   "DWI",         "CALC_BVALUE", "ND",
                          "NORM",        "DIS2D",       "DIS3D",       "FM",
                          "FS",          "FIL",         "FILTERED",    "SC",
                          "MFSPLIT",     "IN_PHASE",    "IP",          "DIXON",
                          "CSAPARALLEL", "REFORMATTED", "RESAMPLED",   "VOLUME",
                          "ADD",         "ADDITION",    "MEAN",        "MEDIAN",
                          "COMPOSED",    "COMBINED",    "COMP_SP",     "COMP_AD",
                          "COMP_AN",     "SPINE",       "PROCESSED",   "ENHANCED",
                          "SNAPSHOT",    "SHUTTER",     "ASSOCIATED",  "3D",
                          "2D"}},
      {ImageKind::lesser, {"WATER", "W", "OUT_PHASE", "OPP_PHASE", "OP"}},
      {ImageKind::other,
       {"LOCALIZER", "SCOUT",
        // parts of a complex image
        "P", "R", "I", "PHASE", "REAL", "IMAGINARY", "COMPLEX", "P_SE", "P_FFE", "P_IR", "R_SE",
        "R_FFE", "R_IR", "I_SE", "I_FFE", "I_IR", "PHASE MAP", "FIELD MAP", "M_B0", "M_B1",
        // maps
        "ADC", "EADC", "FA", "TENSOR", "TRACE", "TRACEW", "VELOCITY", "QUANTITY", "T1 MAP",
        "T1_MAP", "T1MAP", "T2 MAP", "T2_MAP", "T2MAP", "R2 MAP", "R2_MAP", "R2MAP", "T2_STAR MAP",
        "R2_STAR MAP", "R2_STAR", "FAT", "F", "FF",
        // projections, other planes, pictures
        "MIP", "MINIP", "MNIP", "MAX_IP", "MIN_IP", "CSA MIP", "PROJECTION", "PROJECTION IMAGE",
        "MPR", "CPR", "CSA MPR", "MOSAIC", "SUB", "SUBTRACT", "SUBTRACTION", "VOLUME_RENDER",
        "SCREENSHOT", "PSEUDOCOLOR"}}};
  return kinds;
}

} // namespace

std::optional<ImageKind> image_kind(std::string_view word) {
  for (const auto& [kind, of_kind] : words()) {
    if (of_kind.contains(word)) {
      return kind;
    }
  }
  return std::nullopt;
}

} // namespace cordlesion::io
