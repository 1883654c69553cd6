// What a sequence is, from its timing; its name decides only where the timing is not given.
#include "series_weighting.hpp"

#include "letter_case.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace cordlesion::io {
namespace {

// Limits in milliseconds. Spin echo: Bushberg et al., The Essential Physics of Medical Imaging,
// give TE 5-30 for T1 and over 60-80 for T2; fast spin echo T2 of the spine starts at an effective
// TE of about 60. Inversion: fat is nulled by a TI of 90 (0.3 T) to 260 (3 T), fluid by 1,500 to
// 2,800.
constexpr double longest_stir_ti = 400;
constexpr double shortest_flair_ti = 1200;
constexpr double shortest_t2_te = 50;
constexpr double shortest_t2_tr = 800;
constexpr double shortest_pd_tr = 1500;
constexpr double shortest_t2_star_te = 8;

bool has(const std::vector<std::string>& codes, std::string_view code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string evidence_of(const DicomFrame& frame) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& value, const char* unit) {
    if (value) {
      text += (text.empty() ? "" : ", ") + std::string(name) + number_text(*value, 1) + unit;
    }
  };
  add("TR ", frame.repetition_time_ms, " ms");
  add("TE ", frame.echo_time_ms, " ms");
  add("TI ", frame.inversion_time_ms, " ms");
  add("b-value ", frame.b_value, " s/mm2");
  if (text.empty()) {
    text.append("no timing in the header");
  }
  text += has(frame.scanning_sequence, "EP") ? ", echo planar" : "";
  if (!frame.diffusion_by.empty()) {
    text.append(", diffusion by ").append(frame.diffusion_by);
  }
  return text;
}

bool is_inversion(const DicomFrame& frame) {
  // A TI is enough: not every scanner and not every anonymiser keeps the word IR.
  return has(frame.scanning_sequence, "IR") || frame.inversion_time_ms.has_value();
}

std::string inversion_weighting(const DicomFrame& frame) {
  if (!frame.inversion_time_ms) {
    return "unknown";
  }
  if (*frame.inversion_time_ms < longest_stir_ti) {
    return "STIR";
  }
  const bool fluid_nulled = *frame.inversion_time_ms >= shortest_flair_ti &&
                            frame.echo_time_ms.value_or(0) >= shortest_t2_te;
  return fluid_nulled ? "FLAIR" : "T1";
}

std::string spin_echo_weighting(double tr, double te) {
  if (te >= shortest_t2_te) {
    return tr >= shortest_t2_tr ? "T2" : "unknown";
  }
  return tr >= shortest_pd_tr ? "PD" : "T1";
}

std::string timed_weighting(const DicomFrame& frame) {
  const auto& sequence = frame.scanning_sequence;
  if (frame.b_value.value_or(0) > 0 || !frame.diffusion_by.empty() ||
      has(frame.image_type, "DIFFUSION")) {
    return "diffusion";
  }
  const bool gradient = has(sequence, "GR") && !has(sequence, "SE");
  if (has(sequence, "EP")) {
    return gradient ? "T2*" : "diffusion";
  }
  if (is_inversion(frame)) {
    return gradient && frame.inversion_time_ms.value_or(0) >= longest_stir_ti
               ? "T1"
               : inversion_weighting(frame);
  }
  if (gradient) {
    const bool long_echo = frame.echo_time_ms.value_or(0) >= shortest_t2_star_te;
    return !frame.echo_time_ms ? "unknown" : long_echo ? "T2*" : "T1";
  }
  if (!frame.repetition_time_ms || !frame.echo_time_ms) {
    return "unknown";
  }
  return spin_echo_weighting(*frame.repetition_time_ms, *frame.echo_time_ms);
}

/// Everything that the series is called, in capitals and between blanks.
std::string names_of(const DicomFrame& frame) {
  std::string name = " " + frame.description + " " + frame.protocol + " ";
  for (const std::string& type : frame.image_type) {
    name += type + " ";
  }
  return upper(name);
}

template <typename Words> bool says_any(const std::string& names, const Words& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return names.find(word) != std::string::npos; });
}

/// A word of the description for what is made of, or has the timing of, a T2; its kind with it.
std::optional<std::pair<std::string_view, const char*>> telling_word(const DicomFrame& frame) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 10> words{
      {{"MAP", "map"},
       {"MAPS", "map"},
       {"T2MAP", "map"},
       {"DWI", "diffusion"},
       {"DTI", "diffusion"},
       {"DIFF", "diffusion"},
       {"DIFFUSION", "diffusion"},
       {"ADC", "diffusion"},
       {"TRACE", "diffusion"},
       {"TRACEW", "diffusion"}}};
  std::string name = upper(" " + frame.description + " ");
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')); }, ' ');
  for (const auto& word : words) {
    std::string alone(" ");
    alone.append(word.first).append(" ");
    if (name.find(alone) != std::string::npos) {
      return word;
    }
  }
  return std::nullopt;
}

} // namespace

bool named_localizer(const DicomFrame& frame) {
  static constexpr std::array<std::string_view, 8> words{" LOC ",   " LOC_", "_LOC ",  "LOCALIZ",
                                                         "LOCALIS", "SCOUT", "SURVEY", "PILOT"};
  return says_any(names_of(frame), words);
}

bool named_head(const DicomFrame& frame) {
  static constexpr std::array<std::string_view, 6> head{"BRAIN", "HEAD",   "SKULL",
                                                        "CRAN",  "CEREBR", "KOPF"};
  static constexpr std::array<std::string_view, 13> spine{
      "SPINE",  "SPINAL", "CORD", "NECK", "CERVI", "THORA", "LUMB",
      "DORSAL", "MYELO",  "HWS",  "BWS",  "LWS",   "WIRBEL"};
  const std::string names = names_of(frame) + upper(frame.body_part) + " ";
  return says_any(names, head) && !says_any(names, spine);
}

std::string named_weighting(const DicomFrame& frame) {
  const std::string name = names_of(frame);
  static constexpr std::array<std::pair<std::string_view, const char*>, 15> words{
      {{"STIR", "STIR"},
       {"TIRM", "STIR"},
       {"FLAIR", "FLAIR"},
       {"T2*", "T2*"},
       {"T2STAR", "T2*"},
       {"MEDIC", "T2*"},
       {"MERGE", "T2*"},
       {"DWI", "diffusion"},
       {"DTI", "diffusion"},
       {"DIFF", "diffusion"},
       {"MPRAGE", "T1"},
       {"T2", "T2"},
       {"T1", "T1"},
       {" PD", "PD"},
       {"_PD", "PD"}}};
  for (const auto& [word, kind] : words) {
    if (name.find(word) != std::string::npos) {
      return kind;
    }
  }
  return "unknown";
}

Weighting weighting_of(const DicomFrame& frame) {
  const std::string evidence = evidence_of(frame);
  const std::string kind = timed_weighting(frame);
  if (const auto word = telling_word(frame); word && (kind == "T2" || kind == "unknown")) {
    return {word->second, evidence + ", named " + std::string(word->first), false};
  }
  if (kind != "unknown") {
    return {kind, evidence, true};
  }
  const bool timed = frame.repetition_time_ms && frame.echo_time_ms && !is_inversion(frame);
  const std::string named = timed ? "unknown" : named_weighting(frame);
  return {named, evidence + (named == "unknown" ? "" : ", by its name"), false};
}

} // namespace cordlesion::io
