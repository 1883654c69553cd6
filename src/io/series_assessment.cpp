// The decision on each series of a study: what it is, whether it can serve, and why.
#include "cordlesion/core/digest.hpp"
#include "image_types.hpp"
#include "known_codes.hpp"
#include "number_text.hpp"
#include "sagittal_rule.hpp"
#include "series_grouping.hpp"
#include "series_selection.hpp"
#include "series_weighting.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace cordlesion::io {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : "\\") + part;
  }
  return text;
}

SeriesInfo describe_group(const SliceGroup& group, const LoadOptions& options) {
  const DicomFrame& frame = group.frames.front();
  SeriesInfo info;
  info.uid_digest = sha256_of_text(frame.series_uid).substr(0, 16);
  info.description = options.include_identifiers ? frame.description : "";
  info.modality = listed_code(frame.modality);
  info.image_type = listed_codes(frame.image_type);
  info.scanning_sequence = joined(listed_codes(frame.scanning_sequence));
  info.sequence_variant = joined(listed_codes(frame.sequence_variant));
  info.repetition_time_ms = frame.repetition_time_ms;
  info.echo_time_ms = frame.echo_time_ms;
  info.inversion_time_ms = frame.inversion_time_ms;
  info.b_value = frame.b_value;
  info.contrast_agent = frame.contrast_agent;
  info.transfer_syntax = frame.transfer_syntax;
  std::set<std::size_t> files;
  for (const DicomFrame& slice : group.frames) {
    files.insert(slice.file);
  }
  info.files = files.size();
  info.weighting = weighting_of(frame).kind;
  return info;
}

void establish(const SliceGroup& group, const LoadOptions& options, StudyCandidate& candidate) {
  const DicomFrame& frame = group.frames.front();
  candidate.decision.info.sagittal_angle_deg =
      frame.placed ? angle_to_left_right_deg(cross(frame.row, frame.column)) : 0;
  if (group.fault) {
    candidate.fault = case_error(Stage::read, group.fault->code, group.fault->message,
                                 "export the series again, or take the file out of the folder");
    return;
  }
  try {
    const bool sagittal = candidate.decision.info.sagittal_angle_deg <= max_sagittal_angle_deg;
    candidate.geometry = establish_geometry(group.frames, options.allow_gaps && sagittal);
    candidate.decision.info.grid = candidate.geometry.grid;
    candidate.decision.info.readable = true;
  } catch (const Error& error) {
    candidate.fault = error;
  }
}

/// A reason why the pixels are no acquired slices of an MR image; empty if they are.
std::string not_an_mr_slice(const DicomFrame& frame) {
  if (frame.layout.samples_per_pixel != 1 ||
      (frame.layout.photometric != "MONOCHROME1" && frame.layout.photometric != "MONOCHROME2")) {
    return "colour or unknown pixels (" + listed_code(frame.layout.photometric) +
           "), not an MR image";
  }
  if (frame.sop_class.starts_with("1.2.840.10008.5.1.4.1.1.7")) {
    return "secondary capture, not an MR image";
  }
  if (frame.burned_in) {
    return "annotation burned into the pixels";
  }
  const bool mr_class = frame.sop_class.starts_with("1.2.840.10008.5.1.4.1.1.4");
  if (frame.modality != "MR" && !(frame.modality.empty() && mr_class)) {
    return "modality " + (frame.modality.empty() ? "not given" : listed_code(frame.modality)) +
           ", MR expected";
  }
  for (const std::string& type : frame.image_type) {
    if (const std::string_view word = other_word(type); !word.empty()) {
      return "image type " + std::string(word) + ": a localizer, derived map or part of an image";
    }
  }
  return {};
}

/// Such a reason from any slice, which is named if it does not hold for all.
std::string not_mr_slices(const std::vector<DicomFrame>& frames) {
  const auto sound = [](const DicomFrame& frame) { return not_an_mr_slice(frame).empty(); };
  const auto bad = std::find_if_not(frames.begin(), frames.end(), sound);
  if (bad == frames.end()) {
    return {};
  }
  return (std::any_of(frames.begin(), frames.end(), sound) ? bad->name + ": " : "") +
         not_an_mr_slice(*bad);
}

std::string geometry_reason(const StudyCandidate& candidate) {
  const SeriesInfo& info = candidate.decision.info;
  if (info.readable) {
    return not_sagittal_reason(info.grid, 2).value_or("");
  }
  if (candidate.frames.front().placed && info.sagittal_angle_deg > max_sagittal_angle_deg) {
    return "slice normal " + number_text(info.sagittal_angle_deg, 1) +
           " degrees from left-right (at most 30 degrees)";
  }
  return {};
}

/// Higher is better; what it is called counts only between equals.
double score_of(const StudyCandidate& candidate, const Weighting& weighting) {
  const DicomFrame& frame = candidate.frames.front();
  double score = weighting.kind != "T2" ? 10 : weighting.from_timing ? 100 : 50;
  score += candidate.decision.info.sagittal_angle_deg <= max_sagittal_angle_deg ? 20 : 0;
  score -= candidate.geometry.gaps ? 15 : 0;
  score -= frame.contrast_agent ? 5 : 0;
  score -= frame.echo_time_ms.value_or(0) > 500 ? 10 : 0; // water alone, as in myelography
  const auto lesser = [](const std::string& type) { return image_kind(type) == ImageKind::lesser; };
  score -= std::any_of(frame.image_type.begin(), frame.image_type.end(), lesser) ? 10 : 0;
  score += named_weighting(frame) == "T2" ? 1 : 0;
  score -= named_localizer(frame) ? 2 : 0;
  score -= named_head(frame) ? 3 : 0;
  return score;
}

std::string accepted_reason(const StudyCandidate& candidate, const Weighting& weighting,
                            bool assumed) {
  const SeriesInfo& info = candidate.decision.info;
  const std::string kind =
      weighting.kind == "T2" ? weighting.evidence + ": T2"
      : assumed              ? weighting.evidence + ": " + weighting.kind + ", taken as T2 as asked"
                             : weighting.evidence;
  return kind + "; slice normal " + number_text(info.sagittal_angle_deg, 1) +
         " degrees from left-right, " + std::to_string(info.grid.size[2]) + " slices";
}

void decide(StudyCandidate& candidate, const LoadOptions& options) {
  const DicomFrame& frame = candidate.frames.front();
  SeriesCandidate& decision = candidate.decision;
  const Weighting weighting = weighting_of(frame);
  decision.reason = not_mr_slices(candidate.frames);
  if (decision.reason.empty()) {
    decision.reason = geometry_reason(candidate);
  }
  if (decision.reason.empty() && weighting.kind != "T2" && !options.assume_sagittal_t2) {
    decision.reason =
        weighting.evidence + ": " +
        (weighting.kind == "unknown" ? "nothing shows that it is T2" : weighting.kind + ", not T2");
  }
  if (!decision.reason.empty()) {
    return;
  }
  candidate.suitable = true;
  decision.score = score_of(candidate, weighting);
  decision.accepted = !candidate.fault;
  decision.reason = candidate.fault
                        ? std::string("cannot be read: ") + candidate.fault->what()
                        : accepted_reason(candidate, weighting, options.assume_sagittal_t2);
}

/// Images without diffusion weighting are part of every diffusion series.
bool in_diffusion_series(const DicomFrame& frame, const std::vector<DicomFrame>& frames) {
  return frame.b_value == 0.0 &&
         std::any_of(frames.begin(), frames.end(), [&](const DicomFrame& other) {
           return other.b_value.value_or(0) > 0 && other.series_uid == frame.series_uid &&
                  same_echo_time(other, frame);
         });
}

bool named_by_user(const StudyCandidate& candidate, const std::string& uid) {
  return candidate.series_uid == uid || candidate.decision.info.uid_digest == uid;
}

} // namespace

std::vector<StudyCandidate> assess_study(const std::vector<DicomFrame>& frames,
                                         const LoadOptions& options) {
  std::vector<StudyCandidate> candidates;
  for (SliceGroup& group : group_frames(frames)) {
    StudyCandidate& candidate = candidates.emplace_back();
    if (DicomFrame& first = group.frames.front(); in_diffusion_series(first, frames)) {
      first.diffusion_by = "other b-values of its series";
    }
    candidate.decision.info = describe_group(group, options);
    candidate.series_uid = group.frames.front().series_uid;
    establish(group, options, candidate);
    candidate.frames = std::move(group.frames);
    LoadOptions own = options; // a series named by its UID is taken for what the user says it is
    own.assume_sagittal_t2 |= options.series_uid && named_by_user(candidate, *options.series_uid);
    decide(candidate, own);
    if (options.series_uid && !named_by_user(candidate, *options.series_uid)) {
      candidate.suitable = candidate.decision.accepted = false;
      candidate.decision.reason = "not the series asked for by its UID";
    }
  }
  return candidates;
}

} // namespace cordlesion::io
