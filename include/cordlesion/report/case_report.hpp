// Everything that is said of one case, as plain data.
#pragma once

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/core/error.hpp"
#include "cordlesion/core/lesions.hpp"
#include "cordlesion/core/preprocess.hpp"
#include "cordlesion/core/series.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cordlesion::report {

/// Research use only; stands in every report, table page and in the README.
inline constexpr std::string_view disclaimer =
    "Research use only. Not a medical device; not for diagnosis or treatment decisions.";

/// The source image, free of identity.
struct InputRecord {
  std::string format; ///< dicom, nifti, nrrd, metaimage
  Grid grid;
  std::string digest; ///< SHA-256 over the bytes of the source files
  /// Slices of the grid that were not acquired; none if the slices are evenly spaced. Where it is
  /// set, the report gives no volume.
  std::optional<std::vector<std::size_t>> missing_slices;
  std::optional<SeriesInfo> series;
  std::vector<SeriesCandidate> candidates;
};

/// The model package used.
struct ModelRecord {
  std::string name;
  std::string version;
  bool trained = false;
  std::string trained_on;
  bool verified = true;
  std::map<std::string, std::string> sha256; ///< per file
};

struct PreprocessingRecord {
  std::string fit; ///< letterbox or stretch
  Normalisation normalisation;
  CanonicalAxes axes;
  NetworkFrame frame;
};

struct SegmentationRecord {
  std::string source;              ///< `network` or `corrected_mask`
  std::optional<double> threshold; ///< none for a corrected mask
  double min_lesion_mm3 = 0;
  std::size_t removed_components = 0; ///< lesions below the minimum volume
  std::size_t lesion_count = 0;       ///< of the case, as are voxels and volume
  std::size_t voxels = 0;
  double volume_mm3 = 0;
};

struct SelectedSlice {
  std::size_t index = 0; ///< along the source grid's slice axis
  double area_mm2 = 0;
  std::map<Node, double> second_class_probability; ///< for the nodes evaluated
};

/// What a case that went through has to say.
struct CompletedCase {
  InputRecord input;
  PreprocessingRecord preprocessing;
  SegmentationRecord segmentation;
  std::vector<SelectedSlice> selected_slices;
  std::vector<Lesion> lesions;
  CascadeResult classification;
  double max_corner_error_mm = 0; ///< of the written mask against the source grid
};

/// A case that could not be completed; the error says at which stage and why.
struct FailedCase {
  Error error;
  std::vector<SeriesCandidate> candidates = {}; ///< of a DICOM study, as far as could be read
};

/// SHA-256 digests by which --resume decides whether a case must be computed again.
struct Digests {
  std::string input;
  std::string models;
  std::string options;
  /// Of the files beside the report; none where there is none.
  std::optional<std::string> lesion_mask = {};
  std::optional<std::string> lesion_probability = {};
};

struct CaseReport {
  std::string case_id;
  std::variant<CompletedCase, FailedCase> outcome;
  std::vector<Warning> warnings;
  std::size_t skipped_files = 0; ///< beside the case's files and no images: text, PDF, ...
  ModelRecord models;
  Digests digests;
  std::map<std::string, double> timing_ms;
  std::string device;
  std::string precision;
  bool identifiers_included = false;
};

/// `ok`, `no_lesion` or `failed`.
std::string_view status_of(const CaseReport& report);

} // namespace cordlesion::report
