// The choice among the series of a study that could serve.
#include "series_selection.hpp"

#include "cordlesion/core/counted.hpp"
#include "image_types.hpp"
#include "number_text.hpp"
#include "series_grouping.hpp"
#include "stack_parts.hpp"

#include <algorithm>
#include <cmath>

namespace cordlesion::io {
namespace {

constexpr std::size_t listed_candidates = 12;

bool equally_good(const StudyCandidate& a, const StudyCandidate& b) {
  return std::abs(a.decision.score - b.decision.score) < 1e-9;
}

/// Two echoes of one acquisition, so at the same positions: the later one is the T2.
bool later_echo(const StudyCandidate& a, const StudyCandidate& b) {
  const DicomFrame& of_a = a.frames.front();
  const DicomFrame& of_b = b.frames.front();
  return a.series_uid == b.series_uid && !same_echo_time(of_a, of_b) &&
         of_a.echo_time_ms.value_or(0) > of_b.echo_time_ms.value_or(0) &&
         covers(a.frames, b.frames);
}

double in_plane_mm(const StudyCandidate& candidate) {
  const Grid& grid = candidate.decision.info.grid;
  return grid.spacing_mm[0] * grid.spacing_mm[1];
}

bool better(const StudyCandidate& a, const StudyCandidate& b) {
  if (!equally_good(a, b)) {
    return a.decision.score > b.decision.score;
  }
  if (later_echo(a, b) != later_echo(b, a)) {
    return later_echo(a, b);
  }
  const std::size_t slices_a = a.decision.info.grid.size[2];
  const std::size_t slices_b = b.decision.info.grid.size[2];
  return slices_a != slices_b ? slices_a > slices_b : in_plane_mm(a) < in_plane_mm(b);
}

std::string short_name(const StudyCandidate& candidate) {
  return "series " + candidate.decision.info.uid_digest;
}

Error nothing_suitable(const std::vector<StudyCandidate>& candidates, const LoadOptions& options) {
  std::string list;
  for (std::size_t i = 0; i < candidates.size() && i < listed_candidates; ++i) {
    list += (i > 0 ? "; " : "") + short_name(candidates[i]) + ": " + candidates[i].decision.reason;
  }
  if (candidates.size() > listed_candidates) {
    list += "; and " + std::to_string(candidates.size() - listed_candidates) + " more";
  }
  if (options.series_uid) {
    const bool found = std::any_of(candidates.begin(), candidates.end(), [&](const auto& other) {
      return other.series_uid == *options.series_uid ||
             other.decision.info.uid_digest == *options.series_uid;
    });
    if (!found) {
      return case_error(Stage::select, "series_not_found",
                        "no series of the case has the UID asked for",
                        "list the series with 'cordlesion scan'");
    }
  }
  return case_error(Stage::select, "no_sagittal_t2", "no sagittal T2 series: " + list,
                    "name a series with --series-uid, or use --assume-sagittal-t2 if only the "
                    "weighting is judged wrongly");
}

/// The best of those that `eligible` admits; the number of candidates if there is none.
template <typename Eligible>
std::size_t best_of(const std::vector<StudyCandidate>& candidates, Eligible&& eligible) {
  std::size_t best = candidates.size();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (eligible(candidates[i]) &&
        (best == candidates.size() || better(candidates[i], candidates[best]))) {
      best = i;
    }
  }
  return best;
}

void report_ambiguity(const std::vector<StudyCandidate>& candidates, std::size_t best,
                      const LoadOptions& options, std::vector<Warning>& warnings) {
  const StudyCandidate& chosen = candidates[best];
  std::string others;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const StudyCandidate& other = candidates[i];
    if (i != best && other.decision.accepted && equally_good(other, chosen) &&
        !later_echo(chosen, other)) {
      others += ", " + short_name(other) + " (" + std::to_string(other.decision.info.grid.size[2]) +
                " slices)";
    }
  }
  if (others.empty()) {
    return;
  }
  const std::string message = "equally good: " + short_name(chosen) + " (" +
                              std::to_string(chosen.decision.info.grid.size[2]) + " slices)" +
                              others;
  if (options.fail_on_ambiguity) {
    throw case_error(Stage::select, "ambiguous_series", message,
                     "name one with --series-uid, or use --series-policy best");
  }
  warnings.push_back({"ambiguous_series", message + "; the first was taken"});
}

/// Where every second slice or two of three are lost, the others are still evenly spaced. Some
/// scanners write the gap between slices in place of their distance, so it is no more than a hint.
void report_distance(const StudyCandidate& chosen, std::vector<Warning>& warnings) {
  const double found = chosen.decision.info.grid.spacing_mm[2];
  const double said = chosen.frames.front().slice_distance_mm.value_or(found);
  const double factor = std::round(found / said);
  if ((factor == 2 || factor == 3) && std::abs(found / said - factor) < 0.05) {
    warnings.push_back({"slice_distance", "the slices lie " + number_text(found, 2) +
                                              " mm apart, SpacingBetweenSlices says " +
                                              number_text(said, 2) +
                                              " mm: slices may be missing between them"});
  }
}

/// A map of a kind that no list here knows looks like any other image.
void report_derived(const StudyCandidate& chosen, std::vector<Warning>& warnings) {
  const std::vector<std::string>& types = chosen.frames.front().image_type;
  const auto unknown = std::count_if(types.begin(), types.end(), [](const std::string& type) {
    return !type.empty() && !image_kind(type);
  });
  if (unknown > 0 && std::find(types.begin(), types.end(), "DERIVED") != types.end()) {
    warnings.push_back({"derived_image", short_name(chosen) +
                                             " is DERIVED, and its ImageType has " +
                                             counted(static_cast<std::size_t>(unknown), "word") +
                                             " that tells nothing here: check that it is no map"});
  }
}

} // namespace

std::size_t choose_series(std::vector<StudyCandidate>& candidates, const LoadOptions& options,
                          std::vector<Warning>& warnings) {
  const std::size_t none = candidates.size();
  const std::size_t wanted =
      best_of(candidates, [](const StudyCandidate& other) { return other.suitable; });
  const std::size_t best =
      best_of(candidates, [](const StudyCandidate& other) { return other.decision.accepted; });
  if (wanted == none) {
    throw nothing_suitable(candidates, options);
  }
  if (best == none) {
    throw *candidates[wanted].fault;
  }
  for (const StudyCandidate& other : candidates) {
    if (other.suitable && other.fault &&
        other.decision.score >= candidates[best].decision.score - 1e-9) {
      warnings.push_back({"series_unreadable", "another sagittal T2, " + short_name(other) +
                                                   ", cannot be read: " + other.fault->what()});
    }
  }
  report_ambiguity(candidates, best, options, warnings);
  report_left_out(candidates, candidates[best], warnings);
  candidates[best].decision.chosen = true;
  report_distance(candidates[best], warnings);
  report_derived(candidates[best], warnings);
  if (candidates[best].geometry.gaps) {
    warnings.push_back(*candidates[best].geometry.gaps);
  }
  return best;
}

} // namespace cordlesion::io
