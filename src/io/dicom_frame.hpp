// One slice as its DICOM header describes it: a file, or a frame of a multi-frame file.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/geometry.hpp"
#include "patient.hpp"
#include "pixel_layout.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cordlesion::io {

struct DicomFrame {
  std::size_t file = 0;   ///< index among the files of the case
  std::size_t number = 0; ///< frame in the file, from 0
  std::string name;       ///< relative path of the file, with the frame where there are several

  Patient patient;
  std::string series_uid;
  std::string instance_uid; ///< SOPInstanceUID
  std::string instance_number;
  std::string frame_of_reference; ///< UID; positions of another one mean nothing here
  std::string sop_class;
  std::string transfer_syntax;
  std::string modality;
  std::string description; ///< series description; identity, never in a message
  std::string protocol;    ///< protocol and sequence names; likewise
  std::string body_part;   ///< BodyPartExamined
  std::vector<std::string> image_type;
  std::vector<std::string> scanning_sequence;
  std::vector<std::string> sequence_variant;
  std::optional<double> repetition_time_ms;
  std::optional<double> echo_time_ms;
  std::optional<double> inversion_time_ms;
  std::optional<double> b_value;
  std::string diffusion_by; ///< what else says that it is a diffusion image; empty if nothing does
  std::string stack_id;
  std::string temporal_position;
  std::string acquisition_number;
  std::string concatenation; ///< UID of the multi-frame image that the file is a part of
  unsigned part = 0;         ///< the file's number among the parts, from 1
  unsigned parts = 0;        ///< their number; 0 if not given
  bool contrast_agent = false;
  bool burned_in = false; ///< burned-in annotation

  bool placed = false; ///< the four below are valid
  Vec3 position_mm{};  ///< LPS, centre of the first pixel
  Vec3 row{};          ///< direction of growing column index
  Vec3 column{};       ///< direction of growing row index
  double row_spacing_mm = 0;
  double column_spacing_mm = 0;
  std::optional<double> slice_distance_mm; ///< SpacingBetweenSlices, which decides nothing

  PixelLayout layout;
  std::uint64_t pixel_start = 0; ///< offset of the first byte of the pixels in the file
  /// Smallest and largest stored value of what is no image (PixelPaddingValue, its RangeLimit).
  std::optional<std::pair<std::int64_t, std::int64_t>> padding;
  double slope = 1;
  double intercept = 0;
  std::optional<Warning> fault; ///< the first reason why this frame cannot be used
};

/// Reads the header of a DICOM file up to its pixels. Faults of a frame are recorded in it; a file
/// that cannot be parsed at all throws a case error `dicom_unreadable`.
/// @param name  relative path, for messages
std::vector<DicomFrame> read_frames(const std::filesystem::path& file, const std::string& name,
                                    std::size_t file_index, std::vector<Warning>& warnings);

} // namespace cordlesion::io
