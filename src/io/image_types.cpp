// What the words of ImageType say of a slice.
#include "image_types.hpp"

#include <algorithm>
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
                          "CSAPARALLEL", "VOLUME",      "ADD",         "ADDITION",
                          "MEAN",        "MEDIAN",      "COMPOSED",    "COMBINED",
                          "COMP_SP",     "COMP_AD",     "COMP_AN",     "SPINE",
                          "PROCESSED",   "ENHANCED",    "SNAPSHOT",    "SHUTTER",
                          "ASSOCIATED",  "3D",          "2D",          "DISTORTED",
                          "NORMALIZED",  "UNSPECIFIED", "DRB",         "DRG",
                          "DRS"}},
      {ImageKind::lesser,
       {"WATER", "W", "OUT_PHASE", "OPP_PHASE", "OP", "REFORMATTED", "RESAMPLED"}},
      {ImageKind::other,
       {"LOCALIZER", "SCOUT",
        // parts of a complex image
        "P", "R", "I", "PHASE", "REAL", "IMAGINARY", "COMPLEX", "P_SE", "P_FFE", "P_IR", "R_SE",
        "R_FFE", "R_IR", "I_SE", "I_FFE", "I_IR", "PHASE MAP", "FIELD MAP", "M_B0", "M_B1",
        // maps
        "ADC", "EADC", "FA", "TENSOR", "TRACE", "TRACEW", "VELOCITY", "QUANTITY", "T1 MAP",
        "T1_MAP", "T1MAP", "T2 MAP", "T2_MAP", "T2MAP", "R2 MAP", "R2_MAP", "R2MAP", "T2_STAR MAP",
        "R2_STAR MAP", "R2_STAR", "FAT", "F", "FF", "B0", "B1", "B0 MAP", "B1 MAP", "MTRASYM",
        "FAT_FRACTION",
        // projections, other planes, pictures
        "MIP", "MINIP", "MNIP", "MAX_IP", "MIN_IP", "MIN IP", "MAX IP", "CSA MIP", "PROJECTION",
        "PROJECTION IMAGE", "MPR", "CPR", "CSA MPR", "MOSAIC", "SUB", "SUBTRACT", "SUBTRACTION",
        "VOLUME_RENDER", "SCREENSHOT", "SCREEN SAVE", "PSEUDOCOLOR",
        // other slices' places drawn in
        "POSDISP", "GSP"}}};
  return kinds;
}

/// Words that tell it in any company, as in T2_MAP_3 or SUBTRACTION_1. FAT and PHASE do not: there
/// are FAT_SAT and OUT_PHASE.
const Words& telling_parts() {
  static const Words parts{"MAP",     "MAPS",  "QMAP",      "EXP",         "MTR",        "MTRASYM",
                           "ADC",     "EADC",  "TRACE",     "TRACEW",      "FRACTION",   "RATIO",
                           "SUB",     "SUBTR", "SUBTRACT",  "SUBTRACTION", "DIFFERENCE", "MIP",
                           "MINIP",   "MPR",   "CPR",       "PROJECTION",  "MOSAIC",     "SCREEN",
                           "CAPTURE", "MASK",  "LOCALIZER", "STDDEV"};
  return parts;
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

std::string_view other_word(std::string_view type) {
  if (const auto kind = image_kind(type)) {
    return kind == ImageKind::other ? type : std::string_view{};
  }
  while (!type.empty()) {
    const std::string_view part = type.substr(0, type.find_first_of(" _"));
    if (telling_parts().contains(part)) {
      return part;
    }
    type.remove_prefix(std::min(part.size() + 1, type.size()));
  }
  return {};
}

} // namespace cordlesion::io
