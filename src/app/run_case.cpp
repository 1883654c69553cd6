// The way of one case: canonical slices, normalisation, segmentation, lesions, selection, cascade.
#include "cordlesion/app/run_case.hpp"

#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/core/slice_selection.hpp"
#include "stopwatch.hpp"

#include <algorithm>
#include <utility>

namespace cordlesion::app {
namespace {

using Pixels = SliceStack<float>;
using MaskSlices = SliceStack<std::uint8_t>;

MaskSlices segment(const NetworkStack<float>& inputs, const NetworkFrame& frame,
                   const Pixels& slices, const CanonicalAxes& axes, const Grid& grid,
                   inference::Networks& networks, const CaseSettings& settings,
                   CaseResult& result) {
  const NetworkStack<float> seen =
      timed(result.timing_ms, "segment_network", [&] { return networks.segment(inputs); });
  const Pixels probability = unfit_probability(seen, frame, slices);
  if (settings.save_probability) {
    result.probability = to_volume(probability, grid, axes);
  }
  return threshold_mask(probability, settings.manifest.segmenter.threshold);
}

/// The indices of canonical slices that were not acquired.
std::vector<std::size_t> missing_slices(const io::LoadedCase& loaded, const CanonicalAxes& axes) {
  std::vector<std::size_t> missing;
  for (const std::size_t source : loaded.missing_slices.value_or(std::vector<std::size_t>{})) {
    const std::size_t last = loaded.image.grid().size[axes.source_axis[2]] - 1;
    missing.push_back(axes.flipped[2] ? last - source : source);
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

/// Slices that were not acquired are blank and count for nothing.
Pixels normalised_slices(const Image& image, const CanonicalAxes& axes,
                         const std::vector<std::size_t>& missing,
                         const Normalisation& normalisation) {
  Pixels slices = without_slices(to_slice_stack(image, axes), missing);
  normalise(slices, normalisation);
  return with_blank_slices(std::move(slices), missing);
}

void clear_slices(MaskSlices& mask, const std::vector<std::size_t>& missing) {
  for (const std::size_t slice : missing) {
    std::fill_n(mask.slice(slice), mask.slice_size(), std::uint8_t{0});
  }
}

/// The smallest lesion that counts; any where gaps leave volumes unknown.
double smallest_lesion_mm3(const CaseSettings& settings, bool corrected, bool has_gaps) {
  const double wanted = corrected ? settings.min_corrected_lesion_mm3 : settings.min_lesion_mm3;
  return has_gaps ? 0 : wanted;
}

MaskSlices align(const Image& corrected, const Grid& grid, const CanonicalAxes& axes,
                 std::vector<Warning>& warnings) {
  const AlignedMask aligned = align_mask(corrected, grid);
  warn_of(aligned, warnings);
  return to_slice_stack(aligned.mask, axes);
}

CascadeResult classify(const NetworkStack<float>& inputs, const NetworkStack<std::uint8_t>& masks,
                       const std::vector<std::size_t>& selected, bool has_lesion,
                       inference::Networks& networks, const CaseSettings& settings,
                       CaseResult& result) {
  if (!has_lesion) {
    return no_lesion_result();
  }
  if (selected.empty()) {
    result.warnings.push_back(
        {"lesion_below_network_resolution",
         "the lesion vanishes at the network's resolution, so no class is given"});
    CascadeResult none = no_lesion_result();
    none.label = "indeterminate";
    return none;
  }
  return run_cascade(settings.cascade, [&](Node node) {
    return timed(result.timing_ms, "classify_network",
                 [&] { return networks.classify(node, inputs, masks, selected); });
  });
}

std::vector<report::SelectedSlice> describe_slices(const std::vector<std::size_t>& selected,
                                                   const MaskSlices& mask, const Grid& grid,
                                                   const CanonicalAxes& axes,
                                                   const CascadeResult& classification) {
  std::vector<report::SelectedSlice> slices;
  for (std::size_t i = 0; i < selected.size(); ++i) {
    report::SelectedSlice slice;
    slice.index = source_slice(grid, axes, selected[i]);
    std::size_t pixels = 0;
    for (std::size_t p = 0; p < mask.slice_size(); ++p) {
      pixels += mask.slice(selected[i])[p];
    }
    slice.area_mm2 = static_cast<double>(pixels) * mask.row_spacing_mm * mask.column_spacing_mm;
    for (const auto& [node, value] : classification.nodes) {
      if (const auto* outcome = std::get_if<NodeOutcome>(&value)) {
        slice.second_class_probability[node] = outcome->slice_probabilities[i];
      }
    }
    slices.push_back(std::move(slice));
  }
  return slices;
}

report::InputRecord input_record(io::LoadedCase& loaded) {
  return {.format = loaded.format,
          .grid = loaded.image.grid(),
          .digest = loaded.digest,
          .missing_slices = std::move(loaded.missing_slices),
          .series = std::move(loaded.series),
          .candidates = std::move(loaded.candidates)};
}

} // namespace

CaseResult run_case(io::LoadedCase loaded, const std::optional<Image>& corrected,
                    inference::Networks& networks, const CaseSettings& settings) {
  CaseResult result;
  result.warnings = std::move(loaded.warnings);
  report::CompletedCase& record = result.record;
  const Grid grid = loaded.image.grid();
  Stopwatch watch(result.timing_ms);

  const CanonicalAxes axes = canonical_axes(grid);
  const std::vector<std::size_t> missing = missing_slices(loaded, axes);
  const Pixels slices =
      normalised_slices(loaded.image, axes, missing, settings.manifest.normalisation);
  const NetworkFrame frame =
      network_frame(slices, settings.manifest.input_size, settings.manifest.fit);
  const NetworkStack<float> inputs = fit_image(slices, frame);
  watch.lap("prepare");

  MaskSlices mask = corrected
                        ? align(*corrected, grid, axes, result.warnings)
                        : segment(inputs, frame, slices, axes, grid, networks, settings, result);
  clear_slices(mask, missing);
  record.segmentation.min_lesion_mm3 =
      smallest_lesion_mm3(settings, corrected.has_value(), loaded.missing_slices.has_value());
  record.segmentation.removed_components =
      remove_small_lesions(mask, record.segmentation.min_lesion_mm3);
  watch.lap("segment");

  record.lesions = measure_lesions(mask, slices, grid, axes);
  const NetworkStack<std::uint8_t> masks = fit_mask(mask, frame);
  const std::vector<std::size_t> selected = lesion_bearing_slices(masks);
  watch.lap("lesions");

  record.classification =
      classify(inputs, masks, selected, !record.lesions.empty(), networks, settings, result);
  watch.lap("classify");

  record.selected_slices = describe_slices(selected, mask, grid, axes, record.classification);
  record.preprocessing = {.fit = settings.manifest.fit == Fit::letterbox ? "letterbox" : "stretch",
                          .normalisation = settings.manifest.normalisation,
                          .axes = axes,
                          .frame = frame};
  record.segmentation.source = corrected ? "corrected_mask" : "network";
  if (!corrected) {
    record.segmentation.threshold = settings.manifest.segmenter.threshold;
  }
  record.segmentation.lesion_count = record.lesions.size();
  record.segmentation.voxels = count_voxels(mask);
  record.segmentation.volume_mm3 =
      static_cast<double>(record.segmentation.voxels) * voxel_volume_mm3(grid);
  record.input = input_record(loaded);
  result.mask = to_volume(mask, grid, axes);
  return result;
}

} // namespace cordlesion::app
