// From the files of a case to its image: what a worker of the loading process does.
#include "load_case.hpp"

#include "cordlesion/core/counted.hpp"
#include "cordlesion/core/digest.hpp"
#include "cordlesion/core/slice_stack.hpp"
#include "dicom_frame.hpp"
#include "number_text.hpp"
#include "patient.hpp"
#include "relative_name.hpp"
#include "sagittal_rule.hpp"
#include "series_selection.hpp"
#include "volume_file.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace cordlesion::io {
namespace {

constexpr std::size_t fewest_slices = 3;
constexpr std::size_t fewest_in_plane = 16;
constexpr double largest_spacing_mm = 100;
constexpr double farthest_origin_mm = 1e5; // float32 of a NIfTI file still tells 0.01 mm there

/// What no network could work with.
void require_usable(const Image& image, const std::string& name) {
  const Grid& grid = image.grid();
  const CanonicalAxes axes = canonical_axes(grid);
  const auto along = [&](std::size_t axis) { return grid.size[axes.source_axis[axis]]; };
  if (along(2) < fewest_slices) {
    throw case_error(Stage::read, "too_few_slices",
                     name + " has " + std::to_string(along(2)) + " sagittal slice(s), at least " +
                         std::to_string(fewest_slices) + " expected");
  }
  if (std::min(along(0), along(1)) < fewest_in_plane) {
    throw case_error(Stage::read, "too_small",
                     name + ": sagittal slices of " + std::to_string(along(0)) + " x " +
                         std::to_string(along(1)) + " pixels, at least " +
                         std::to_string(fewest_in_plane) + " x " + std::to_string(fewest_in_plane) +
                         " expected");
  }
  const auto& spacing = image.grid().spacing_mm;
  if (const double widest = *std::max_element(spacing.begin(), spacing.end());
      widest > largest_spacing_mm) {
    throw case_error(Stage::read, "bad_spacing",
                     name + ": voxels " + number_text(widest, 1) + " mm apart, at most " +
                         number_text(largest_spacing_mm, 0) + " mm expected",
                     "Are the lengths in the header in millimetres?");
  }
  const auto& origin = image.grid().origin_mm;
  if (std::any_of(origin.begin(), origin.end(),
                  [](double place) { return std::abs(place) > farthest_origin_mm; })) {
    throw case_error(Stage::read, "invalid_origin",
                     name + ": the first voxel lies more than " +
                         number_text(farthest_origin_mm / 1000, 0) + " m from the scanner's centre",
                     "The position in the header is damaged: export the image again.");
  }
  const auto [low, high] = std::minmax_element(image.voxels().begin(), image.voxels().end());
  if (*low == *high) {
    throw case_error(Stage::read, "constant_image",
                     name + ": every voxel is " + number_text(*low, 3) + ", an image expected");
  }
}

void require_sagittal(const Image& image, const std::string& name) {
  if (const auto reason = not_sagittal_reason(image.grid(), std::nullopt)) {
    throw case_error(Stage::select, "not_sagittal", name + ": " + *reason,
                     "give a sagittal acquisition or a near-isotropic 3-D volume");
  }
}

std::vector<std::string> names_of(const CaseInput& input) {
  std::vector<std::string> names;
  for (const auto& file : input.files) {
    names.push_back(relative_name(file, input.root));
  }
  return names;
}

/// One warning for all files of which the same is to be said.
void join_alike(std::vector<Warning>& warnings) {
  std::vector<Warning> joined;
  std::map<std::string, std::size_t> others;
  for (Warning& warning : warnings) {
    if (!others.contains(warning.code)) {
      others[warning.code] = 0;
      joined.push_back(std::move(warning));
    } else {
      ++others[warning.code];
    }
  }
  for (Warning& warning : joined) {
    if (const std::size_t more = others[warning.code]; more > 0) {
      warning.message += "; so it is with " + counted(more, "other file");
    }
  }
  warnings = std::move(joined);
}

/// Some anonymisers give every study the same UID: choosing among patients would be worse than
/// failing.
void require_one_patient(const std::vector<DicomFrame>& frames) {
  Patient patient;
  for (const DicomFrame& frame : frames) {
    if (const auto attribute = join_patient(patient, frame.patient); !attribute.empty()) {
      throw case_error(Stage::select, "several_patients",
                       frame.name + " has another " + std::string(attribute) +
                           " than other files with its StudyInstanceUID, one patient expected",
                       "give each patient's folder as an input of its own");
    }
  }
}

std::vector<StudyCandidate> assess(const CaseInput& input, const std::vector<std::string>& names,
                                   const LoadOptions& options, const NoteFile& note,
                                   std::vector<Warning>& warnings) {
  std::vector<DicomFrame> frames;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    note(names[i]);
    std::vector<DicomFrame> of_file = read_frames(input.files[i], names[i], i, warnings);
    std::move(of_file.begin(), of_file.end(), std::back_inserter(frames));
  }
  join_alike(warnings);
  require_one_patient(frames);
  return assess_study(frames, options);
}

std::vector<SeriesCandidate> decisions_of(const std::vector<StudyCandidate>& candidates) {
  std::vector<SeriesCandidate> decisions;
  decisions.reserve(candidates.size());
  for (const StudyCandidate& candidate : candidates) {
    decisions.push_back(candidate.decision);
  }
  return decisions;
}

std::string digest_of(const std::vector<std::filesystem::path>& files,
                      const std::vector<std::string>& names, const NoteFile& note) {
  Sha256 sha;
  for (std::size_t i = 0; i < files.size(); ++i) {
    note(names[i]);
    sha.update_file(files[i]);
  }
  return sha.hex();
}

/// None if the slices are evenly spaced.
std::optional<std::vector<std::size_t>> missing_slices(const StackGeometry& geometry) {
  if (!geometry.gaps) {
    return std::nullopt;
  }
  std::vector<std::size_t> missing;
  for (std::size_t slice = 0; slice < geometry.grid.size[2]; ++slice) {
    if (!std::binary_search(geometry.place.begin(), geometry.place.end(), slice)) {
      missing.push_back(slice);
    }
  }
  return missing;
}

LoadedCase load_dicom(const CaseInput& input, const LoadOptions& options, const NoteFile& note) {
  LoadedCase loaded;
  loaded.format = "dicom";
  const std::vector<std::string> names = names_of(input);
  std::vector<StudyCandidate> candidates = assess(input, names, options, note, loaded.warnings);
  const std::size_t best = choose_series(candidates, options, loaded.warnings);
  const StudyCandidate& chosen = candidates[best];
  loaded.series = chosen.decision.info;
  loaded.candidates = decisions_of(candidates);
  loaded.missing_slices = missing_slices(chosen.geometry);
  std::vector<Warning> of_pixels;
  loaded.image = read_pixels(chosen, input.files, names, note, of_pixels);
  join_alike(of_pixels);
  std::move(of_pixels.begin(), of_pixels.end(), std::back_inserter(loaded.warnings));
  require_usable(loaded.image, "the series of " + chosen.frames.front().name);
  loaded.digest = digest_of(input.files, names, note);
  return loaded;
}

VolumeFile read_noted(const std::filesystem::path& file, const std::filesystem::path& root,
                      const VolumeChoice& choice, const NoteFile& note) {
  const std::string name = relative_name(file, root);
  note(name);
  return read_volume_file(file, name, choice);
}

LoadedCase load_file(const CaseInput& input, const VolumeChoice& choice, const NoteFile& note) {
  std::vector<std::string> names = names_of(input);
  VolumeFile volume = read_noted(input.files.front(), input.root, choice, note);
  require_sagittal(volume.image, names.front());
  require_usable(volume.image, names.front());
  std::vector<std::filesystem::path> files = input.files;
  for (const auto& file : volume.data_files) {
    files.push_back(file);
    names.push_back(relative_name(file, input.root));
  }
  LoadedCase loaded;
  loaded.format = volume.format;
  loaded.digest = digest_of(files, names, note);
  loaded.warnings = std::move(volume.warnings);
  loaded.image = std::move(volume.image);
  return loaded;
}

void describe_study(const CaseInput& input, const LoadOptions& options, const NoteFile& note,
                    CaseDescription& description) {
  std::vector<StudyCandidate> candidates =
      assess(input, names_of(input), options, note, description.warnings);
  try {
    choose_series(candidates, options, description.warnings);
  } catch (const Error& error) {
    description.failure = error;
  }
  description.candidates = decisions_of(candidates);
}

void describe_file(const CaseInput& input, const VolumeChoice& choice, const NoteFile& note,
                   CaseDescription& description) {
  VolumeFile volume = read_noted(input.files.front(), input.root, choice, note);
  SeriesCandidate& candidate = description.candidates.emplace_back();
  candidate.info.grid = volume.image.grid();
  candidate.info.readable = true;
  candidate.info.files = 1 + volume.data_files.size();
  candidate.info.weighting = "unknown";
  candidate.info.sagittal_angle_deg =
      sagittal_angle_deg(candidate.info.grid, canonical_axes(candidate.info.grid));
  description.warnings = std::move(volume.warnings);
  try {
    require_sagittal(volume.image, names_of(input).front());
    require_usable(volume.image, names_of(input).front());
  } catch (const Error& error) {
    candidate.reason = error.what();
    throw;
  }
  candidate.accepted = candidate.chosen = true;
  candidate.reason = "sagittal slices " + number_text(candidate.info.sagittal_angle_deg, 1) +
                     " degrees from left-right; weighting not in the file, taken as T2";
}

} // namespace

LoadedCase load_case(const CaseInput& input, const LoadOptions& options, const NoteFile& note) {
  return input.format == CaseInput::Format::dicom ? load_dicom(input, options, note)
                                                  : load_file(input, options.volume_choice, note);
}

std::string digest_case(const CaseInput& input, const NoteFile& note) {
  // The header of a MetaImage or NRRD file may name further files: only reading it tells.
  const bool alone =
      input.format == CaseInput::Format::dicom || volume_format(input.files.front()) == "nifti";
  return alone ? digest_of(input.files, names_of(input), note) : load_file(input, {}, note).digest;
}

CaseDescription describe_case(const CaseInput& input, const LoadOptions& options,
                              const NoteFile& note) {
  CaseDescription description;
  try {
    if (input.format == CaseInput::Format::dicom) {
      describe_study(input, options, note, description);
    } else {
      describe_file(input, options.volume_choice, note, description);
    }
  } catch (const Error& error) {
    description.failure = error;
  }
  return description;
}

Image load_mask(const std::filesystem::path& file, const std::filesystem::path& root,
                const VolumeChoice& choice, const NoteFile& note) {
  return read_noted(file, root, choice, note).image;
}

} // namespace cordlesion::io
