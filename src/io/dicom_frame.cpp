// One slice as its DICOM header describes it: a file, or a frame of a multi-frame file.
#include "dicom_frame.hpp"

#include "dicom_dataset.hpp"
#include "dicom_meta.hpp"
#include "letter_case.hpp"
#include "mr_sequence.hpp"
#include "pixel_layout.hpp"
#include "text_encoding.hpp"

#include <gdcmReader.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace cordlesion::io {
namespace {

using gdcm::DataSet;
using gdcm::Tag;

constexpr std::size_t max_frames = 20'000; // a dynamic study has some hundreds
constexpr double direction_tolerance = 1e-3;
constexpr double largest_scale = 1e28; // times 32 bits: still a float

void set_fault(DicomFrame& frame, const char* code, const std::string& what) {
  if (!frame.fault) {
    frame.fault = Warning{code, frame.name + ": " + what};
  }
}

/// A macro of the functional groups: the frame's own, or the one shared by all frames. Classic
/// images have the attributes at the top level.
class Groups {
 public:
  Groups(const DataSet& top, const DataSet* shared, const DataSet* own)
      : top_(top), shared_(shared), own_(own) {}

  /// Calls `use` with the data set that holds the macro's attributes.
  template <typename Use> void with(const Tag& macro, Use&& use) const {
    for (const DataSet* group : {own_, shared_}) {
      if (group != nullptr) {
        const Items items(*group, macro);
        if (items.size() > 0) {
          use(items[0]);
          return;
        }
      }
    }
    use(top_);
  }

 private:
  const DataSet& top_;
  const DataSet* shared_;
  const DataSet* own_;
};

bool agent_named(const DataSet& data) {
  const std::string agent = upper(text_of(data, Tag(0x0018, 0x0010)));
  static const std::set<std::string> none{"",     "OFF",         "NO", "N",
                                          "NONE", "NO CONTRAST", "0",  "WITHOUT"};
  return !none.contains(agent);
}

void note_contrast(const DataSet& data, DicomFrame& frame) {
  const std::vector<std::string> contrast = codes_of(data, Tag(0x0008, 0x9209));
  if (std::find(contrast.begin(), contrast.end(), "DIFFUSION") != contrast.end()) {
    frame.diffusion_by = "AcquisitionContrast";
  }
}

void read_series(const DataSet& data, DicomFrame& frame) {
  frame.patient = read_patient(data);
  frame.series_uid = text_of(data, Tag(0x0020, 0x000e));
  frame.instance_uid = text_of(data, Tag(0x0008, 0x0018));
  frame.instance_number = text_of(data, Tag(0x0020, 0x0013));
  frame.frame_of_reference = text_of(data, Tag(0x0020, 0x0052));
  frame.concatenation = text_of(data, Tag(0x0020, 0x9161));
  frame.part = short_of(data, Tag(0x0020, 0x9162)).value_or(0);
  frame.parts = short_of(data, Tag(0x0020, 0x9163)).value_or(0);
  frame.sop_class = text_of(data, Tag(0x0008, 0x0016));
  const std::vector<std::string> modality = codes_of(data, Tag(0x0008, 0x0060));
  frame.modality = modality.empty() ? "" : modality.front();
  frame.description = to_utf8(text_of(data, Tag(0x0008, 0x103e)));
  frame.protocol =
      to_utf8(text_of(data, Tag(0x0018, 0x1030)) + " " + text_of(data, Tag(0x0018, 0x0024)) + " " +
              text_of(data, Tag(0x0018, 0x9005)));
  frame.body_part = text_of(data, Tag(0x0018, 0x0015));
  frame.scanning_sequence = scanning_sequence_of(data);
  frame.sequence_variant = codes_of(data, Tag(0x0018, 0x0021));
  frame.acquisition_number = text_of(data, Tag(0x0020, 0x0012));
  frame.contrast_agent = agent_named(data);
  frame.burned_in = upper(text_of(data, Tag(0x0028, 0x0301))) == "YES";
  frame.b_value = private_b_value(data);
  note_contrast(data, frame);
}

/// A positive number, none otherwise: scanners write 0 for what a sequence does not have.
std::optional<double> positive(std::optional<double> value) {
  return value && *value > 0 ? value : std::nullopt;
}

void read_timing(const Groups& groups, DicomFrame& frame) {
  groups.with(Tag(0x0018, 0x9112), [&](const DataSet& timing) {
    frame.repetition_time_ms = positive(number_of(timing, Tag(0x0018, 0x0080)));
  });
  groups.with(Tag(0x0018, 0x9114), [&](const DataSet& echo) {
    const auto effective = number_of(echo, Tag(0x0018, 0x9082));
    frame.echo_time_ms = positive(effective ? effective : number_of(echo, Tag(0x0018, 0x0081)));
  });
  groups.with(Tag(0x0018, 0x9115), [&](const DataSet& modifier) {
    const auto times = number_of(modifier, Tag(0x0018, 0x9079));
    frame.inversion_time_ms = positive(times ? times : number_of(modifier, Tag(0x0018, 0x0082)));
    if (text_of(modifier, Tag(0x0018, 0x9009)) == "YES") {
      frame.scanning_sequence.emplace_back("IR");
    }
  });
  groups.with(Tag(0x0018, 0x9117), [&](const DataSet& diffusion) {
    const auto standard = number_of(diffusion, Tag(0x0018, 0x9087));
    frame.b_value = standard ? standard : frame.b_value;
  });
}

void read_order(const Groups& groups, DicomFrame& frame) {
  groups.with(Tag(0x0018, 0x9226), [&](const DataSet& type) {
    frame.image_type = codes_of(type, Tag(0x0008, 0x9007));
    if (frame.image_type.empty()) {
      frame.image_type = codes_of(type, Tag(0x0008, 0x0008));
    }
    for (const std::string& component : codes_of(type, Tag(0x0008, 0x9208))) {
      if (component != "MAGNITUDE") { // else as in the image type of a classic image
        frame.image_type.push_back(component);
      }
    }
    note_contrast(type, frame);
  });
  groups.with(Tag(0x0020, 0x9111), [&](const DataSet& content) {
    frame.stack_id = text_of(content, Tag(0x0020, 0x9056));
    const auto index = number_of(content, Tag(0x0020, 0x9128));
    frame.temporal_position =
        index ? std::to_string(static_cast<long>(*index)) : text_of(content, Tag(0x0020, 0x0100));
    if (const auto acquisition = short_of(content, Tag(0x0020, 0x9156))) {
      frame.acquisition_number = std::to_string(*acquisition);
    }
  });
}

void read_orientation(const DataSet& data, DicomFrame& frame) {
  const auto cosines = numbers_of(data, Tag(0x0020, 0x0037));
  if (!cosines || cosines->size() != 6) {
    set_fault(frame, "bad_orientation", "ImageOrientationPatient is missing or not six numbers");
    return;
  }
  std::copy_n(cosines->begin(), 3, frame.row.begin());
  std::copy_n(cosines->begin() + 3, 3, frame.column.begin());
  if (std::abs(norm(frame.row) - 1) > direction_tolerance ||
      std::abs(norm(frame.column) - 1) > direction_tolerance ||
      std::abs(dot(frame.row, frame.column)) > direction_tolerance) {
    set_fault(frame, "bad_orientation",
              "ImageOrientationPatient is not two orthogonal unit vectors");
  }
}

void read_placement(const Groups& groups, DicomFrame& frame) {
  groups.with(Tag(0x0020, 0x9116), [&](const DataSet& data) { read_orientation(data, frame); });
  groups.with(Tag(0x0020, 0x9113), [&](const DataSet& data) {
    const auto position = numbers_of(data, Tag(0x0020, 0x0032));
    if (position && position->size() == 3) {
      std::copy_n(position->begin(), 3, frame.position_mm.begin());
    } else {
      set_fault(frame, "bad_position", "ImagePositionPatient is missing or not three numbers");
    }
  });
  groups.with(Tag(0x0028, 0x9110), [&](const DataSet& data) {
    frame.slice_distance_mm = positive(number_of(data, Tag(0x0018, 0x0088)));
    const auto spacing = numbers_of(data, Tag(0x0028, 0x0030));
    if (spacing && spacing->size() == 2 && (*spacing)[0] > 0 && (*spacing)[1] > 0) {
      frame.row_spacing_mm = (*spacing)[0];
      frame.column_spacing_mm = (*spacing)[1];
    } else {
      set_fault(frame, "bad_spacing", "PixelSpacing is missing or not two positive numbers");
    }
  });
  frame.placed = !frame.fault;
}

void read_scaling(const Groups& groups, DicomFrame& frame) {
  groups.with(Tag(0x0028, 0x9145), [&](const DataSet& data) {
    const auto read = [&](const Tag& tag, double& value) {
      if (!text_of(data, tag).empty()) {
        const auto numbers = numbers_of(data, tag);
        value = numbers && numbers->size() == 1 ? numbers->front() : std::nan("");
      }
    };
    read(Tag(0x0028, 0x1053), frame.slope);
    read(Tag(0x0028, 0x1052), frame.intercept);
    if (has_value(data, Tag(0x0028, 0x1052)) && !has_value(data, Tag(0x0028, 0x1053))) {
      set_fault(frame, "rescale_slope", "RescaleIntercept without RescaleSlope"); // GDCM asserts
    }
  });
  if (!(std::abs(frame.slope) <= largest_scale && std::abs(frame.intercept) <= largest_scale) ||
      frame.slope == 0) {
    set_fault(
        frame, "rescale_slope",
        "RescaleSlope or RescaleIntercept is zero, not one number or beyond single precision");
  }
}

/// PixelPaddingValue and PixelPaddingRangeLimit, as signed as the pixels.
std::optional<std::pair<std::int64_t, std::int64_t>> padding_of(const DataSet& data,
                                                                bool is_signed) {
  const auto value = short_of(data, Tag(0x0028, 0x0120));
  const auto limit = short_of(data, Tag(0x0028, 0x0121));
  if (!value) {
    return std::nullopt;
  }
  const auto stored = [&](std::uint16_t bits) {
    return is_signed ? std::int64_t{static_cast<std::int16_t>(bits)} : std::int64_t{bits};
  };
  return std::minmax({stored(*value), stored(limit.value_or(*value))});
}

DicomFrame read_frame(const DataSet& top, const Groups& groups, DicomFrame frame) {
  read_series(top, frame);
  read_placement(groups, frame);
  read_timing(groups, frame);
  read_order(groups, frame);
  read_scaling(groups, frame);
  if (Items(top, Tag(0x0028, 0x3000)).size() > 0) {
    set_fault(frame, "modality_lut",
              "ModalityLUTSequence: pixel values that go through a table are not supported");
  }
  if (const auto fault = layout_fault(frame.layout, frame.name); fault && !frame.fault) {
    frame.fault = fault;
  }
  return frame;
}

std::vector<DicomFrame> expand(const DataSet& data, const DicomFrame& file) {
  const Items own(data, Tag(0x5200, 0x9230));
  const Items shared(data, Tag(0x5200, 0x9229));
  const DataSet* shared_group = shared.size() > 0 ? &shared[0] : nullptr;
  if (own.size() == 0) {
    DicomFrame frame = read_frame(data, Groups(data, shared_group, nullptr), file);
    if (file.layout.frames > 1) {
      frame.placed = false;
      set_fault(frame, "bad_position", "several frames without a position for each");
    }
    return {frame};
  }
  if (own.size() != file.layout.frames || own.size() > max_frames) {
    DicomFrame frame = read_frame(data, Groups(data, shared_group, &own[0]), file);
    frame.placed = false;
    frame.fault = Warning{"frame_count", frame.name + ": NumberOfFrames is " +
                                             std::to_string(file.layout.frames) + ", " +
                                             std::to_string(own.size()) + " frames are described"};
    return {frame};
  }
  std::vector<DicomFrame> frames;
  for (std::size_t i = 0; i < own.size(); ++i) {
    DicomFrame frame = file;
    frame.number = i;
    frame.name += own.size() > 1 ? " frame " + std::to_string(i + 1) : "";
    frames.push_back(read_frame(data, Groups(data, shared_group, &own[i]), std::move(frame)));
  }
  return frames;
}

} // namespace

std::vector<DicomFrame> read_frames(const std::filesystem::path& file, const std::string& name,
                                    std::size_t file_index, std::vector<Warning>& warnings) {
  const DicomMeta meta = read_dicom_meta(file);
  require_known_transfer_syntax(meta, name);
  if (!meta.preamble) {
    warnings.push_back({"no_preamble", name + " lacks the DICOM preamble; read all the same"});
  }
  gdcm::Reader reader;
  reader.SetFileName(file.c_str());
  bool parsed = false;
  try {
    const Tag pixels(0x7fe0, 0x0010);
    // Stops in front of the first byte of the pixels.
    parsed =
        is_deflated(meta.transfer_syntax) ? reader.Read() : reader.ReadUpToTag(pixels, {pixels});
  } catch (const std::exception&) { // its text may hold values of the header
    parsed = false;
  }
  if (!parsed) {
    throw dicom_unreadable(meta, name);
  }
  const DataSet& data = reader.GetFile().GetDataSet();
  DicomFrame frame;
  frame.file = file_index;
  frame.name = name;
  frame.transfer_syntax = meta.transfer_syntax;
  frame.layout = read_layout(data);
  frame.padding = padding_of(data, frame.layout.is_signed);
  frame.pixel_start = reader.GetStreamCurrentPosition();
  return expand(data, frame);
}

} // namespace cordlesion::io
