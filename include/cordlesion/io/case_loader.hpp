// Listing and loading of cases in a separate process, so that no file can end the program.
#pragma once

#include "cordlesion/core/series.hpp"
#include "cordlesion/core/volume.hpp"
#include "cordlesion/io/case_input.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::io {

struct LoaderLimits {
  double seconds_per_case = 60;
  std::size_t memory_bytes = std::size_t{4} << 30; ///< address space of the loading process
};

/// Which of the two placements in a NIfTI file to take.
enum class Orientation {
  agreeing, ///< they must agree within 0.1 mm where both are given
  sform,    ///< the sform where it is given, without a comparison
  qform,    ///< likewise the qform
};

/// What to take of a volume file that offers a choice.
struct VolumeChoice {
  Orientation orientation = Orientation::agreeing;
  std::optional<std::size_t> volume = std::nullopt; ///< of several, from 1; none: there must be one
};

struct LoadOptions {
  std::optional<std::string> series_uid; ///< overrides the choice
  bool fail_on_ambiguity = false;        ///< --series-policy fail
  bool assume_sagittal_t2 = false;       ///< overrides weighting, never geometry
  bool allow_gaps = false;               ///< unevenly spaced slices, each taken by itself
  bool include_identifiers = false;
  VolumeChoice volume_choice; ///< volume files only
};

/// A loaded case. The image is on the source grid: for DICOM, columns x rows x slices sorted along
/// the slice normal (right-handed); for a file, its own axes.
struct LoadedCase {
  Image image;
  std::string format; ///< `dicom`, `nifti`, `nrrd`, `metaimage`
  std::string digest; ///< SHA-256 over the bytes of the case's files, in the order of their names
  std::optional<SeriesInfo> series;        ///< DICOM only
  std::vector<SeriesCandidate> candidates; ///< DICOM only, the chosen one included
  /// Slices along axis 2 that were not acquired, their voxels 0; none if the slices are evenly
  /// spaced.
  std::optional<std::vector<std::size_t>> missing_slices;
  std::vector<Warning> warnings;
};

/// A volume beside a case, such as its corrected mask.
struct LoadedVolume {
  Image image;
  std::string digest; ///< SHA-256 of the file
};

/// What a case offers: its series with the decision on each, and why none can be used, if so.
struct CaseDescription {
  std::vector<SeriesCandidate> candidates; ///< for a volume file one
  std::vector<Warning> warnings;
  std::optional<Error> failure;
};

/// What the user asked for: paths, and case lists.
struct FindRequest {
  std::vector<std::filesystem::path> inputs;
  std::optional<std::filesystem::path> case_list; ///< --cases FILE.tsv
  std::optional<std::filesystem::path> excluded;  ///< the output folder, never searched
};

struct FoundCases {
  std::vector<CaseInput> cases; ///< sorted by case_id, ids unique
  std::vector<Warning> warnings;
  std::size_t skipped_files = 0;
};

/// Owns the loading process: a small server forked before LibTorch starts any thread, which forks
/// one worker per request. A worker that crashes, hangs or eats memory becomes an Error of its
/// case.
class CaseLoader {
 public:
  /// Starts the process. Construct before LibTorch is used.
  explicit CaseLoader(const LoaderLimits& limits = {});
  ~CaseLoader();
  CaseLoader(const CaseLoader&) = delete;
  CaseLoader& operator=(const CaseLoader&) = delete;

  /// Finds the cases under the inputs. Throws a usage error if two cases map to one id or an input
  /// does not exist, an error with exit 3 if nothing is readable at all or the disk stalls.
  FoundCases find(const FindRequest& request);

  /// Starts loading; at most one load may be under way. Returns at once.
  void start(const CaseInput& input, const LoadOptions& options);
  /// Waits for the load that was started and returns it, or throws its case error.
  LoadedCase finish();
  /// start, then finish.
  LoadedCase load(const CaseInput& input, const LoadOptions& options);

  /// Describes cases and calls `take(index, description)` for each in order. What cannot be read is
  /// the description's failure. No pixel of a DICOM study is kept; a volume file is read whole.
  void describe(const std::vector<CaseInput>& cases, const LoadOptions& options,
                const std::function<void(std::size_t, CaseDescription)>& take);
  CaseDescription describe(const CaseInput& input, const LoadOptions& options);

  /// Calls `take(index, digest)` for each case in order with what LoadedCase::digest would be now,
  /// none where it cannot be read.
  void digest(const std::vector<CaseInput>& cases,
              const std::function<void(std::size_t, std::optional<std::string>)>& take);

  /// Starts loading a volume file (a mask) beside a case: NIfTI, NRRD or MetaImage. `root` as in
  /// CaseInput. A volume that was started before and not waited for is given up.
  void start_volume(const std::filesystem::path& file, const std::filesystem::path& root,
                    const VolumeChoice& choice = {});
  /// Waits for the volume that was started and returns it, or throws its case error.
  LoadedVolume finish_volume();
  /// start_volume, then the image of finish_volume.
  Image load_volume(const std::filesystem::path& file, const std::filesystem::path& root,
                    const VolumeChoice& choice = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace cordlesion::io
