// `prepare`: image and mask of each case, as the networks see them.
#include "cordlesion/app/prepare_cohort.hpp"

#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/logging.hpp"
#include "cordlesion/app/output_folder.hpp"
#include "cordlesion/core/lesion_mask.hpp"
#include "cordlesion/core/preprocess.hpp"
#include "cordlesion/inference/model_package.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "cordlesion/io/volume_writer.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

/// The network's pixels as a grid in space. Pixel (i, j) of the frame has its centre at row
/// (i - top + 0.5) * rows / height - 0.5 of the canonical slice.
Grid network_grid(const Grid& source, const CanonicalAxes& axes, const NetworkFrame& frame,
                  std::size_t slices) {
  const std::array<std::size_t, 3> frame_size{frame.width, frame.height, slices};
  const std::array<std::size_t, 3> frame_start{frame.left, frame.top, 0};
  Grid grid{.size = {frame.size, frame.size, slices}};
  Vec3 first_voxel{}; // where network pixel (0,0,0) lies, in source indices
  for (std::size_t k = 0; k < 3; ++k) {
    const std::size_t axis = axes.source_axis[k];
    const auto length = static_cast<double>(source.size[axis]);
    const double step = length / static_cast<double>(frame_size[k]);
    const double canonical = (0.5 - static_cast<double>(frame_start[k])) * step - 0.5;
    first_voxel[axis] = axes.flipped[k] ? length - 1 - canonical : canonical;
    grid.spacing_mm[k] = source.spacing_mm[axis] * step;
    for (std::size_t c = 0; c < 3; ++c) {
      grid.direction[k][c] = (axes.flipped[k] ? -1 : 1) * source.direction[axis][c];
    }
  }
  grid.origin_mm = point_of(source, first_voxel);
  return grid;
}

/// Writes image and mask; returns what should be known of them.
std::vector<Warning> prepare_case(const io::CaseInput& input, io::CaseLoader& loader,
                                  const io::LoadOptions& load, const inference::Manifest& manifest,
                                  const OutputFolder& output) {
  io::LoadedCase loaded = loader.load(input, load);
  const Grid& grid = loaded.image.grid();
  const CanonicalAxes axes = canonical_axes(grid);
  SliceStack<float> slices = to_slice_stack(loaded.image, axes);
  normalise(slices, manifest.normalisation);
  const NetworkFrame frame = network_frame(slices, manifest.input_size, manifest.fit);
  const Grid target = network_grid(grid, axes, frame, slices.slices);
  const fs::path folder = output.case_folder(input.case_id);
  io::write_nifti(folder / "image.nii.gz", Image(target, fit_image(slices, frame).pixels));
  if (input.mask) {
    const AlignedMask aligned = align_mask(
        loader.load_volume(*input.mask, input.mask->parent_path(), load.volume_choice), grid);
    warn_of(aligned, loaded.warnings);
    io::write_nifti(folder / "mask.nii.gz",
                    Mask(target, fit_mask(to_slice_stack(aligned.mask, axes), frame).pixels));
  }
  return std::move(loaded.warnings);
}

/// Shows warnings and returns them as rows of warnings.tsv.
std::string warning_rows(const std::string& case_id, const std::vector<Warning>& warnings) {
  std::string rows;
  for (const Warning& warning : warnings) {
    log_warning(case_id + ": " + warning.code + ": " + warning.message);
    rows += case_id + '\t' + warning.code + '\t' + warning.message + '\n';
  }
  return rows;
}

std::string prepared_row(const io::CaseInput& input) {
  std::string row = input.case_id + '\t' + input.case_id + "/image.nii.gz\t" +
                    (input.mask ? input.case_id + "/mask.nii.gz" : "n/a");
  for (const auto& [name, value] : input.extra_columns) {
    row += '\t' + value;
  }
  return row + '\n';
}

/// Throws a usage error if a file that would be written is the cohort table or of one of its cases.
void require_other_files(const PrepareOptions& options, const std::vector<io::CaseInput>& cases) {
  std::error_code missing;
  std::set<fs::path> given{fs::weakly_canonical(options.cohort, missing)};
  for (const io::CaseInput& input : cases) {
    given.insert(input.files.begin(), input.files.end());
    if (input.mask) {
      given.insert(fs::weakly_canonical(*input.mask, missing));
    }
  }
  std::vector<fs::path> written{"prepared.tsv", "warnings.tsv"};
  for (const io::CaseInput& input : cases) {
    written.insert(written.end(),
                   {input.case_id + "/image.nii.gz", input.case_id + "/mask.nii.gz"});
  }
  for (const fs::path& name : written) {
    if (given.contains(fs::weakly_canonical(options.output / name, missing))) {
      throw usage_error("the output would replace " + name.string() +
                            " in the output folder, which is part of the cohort",
                        "Choose another folder with -o.");
    }
  }
}

} // namespace

ExitCode prepare_cohort(const PrepareOptions& options) {
  io::CaseLoader loader(options.limits);
  const inference::ModelPackage package = inference::open_model_package(options.models, false);
  const io::FoundCases found =
      loader.find({.inputs = {}, .case_list = options.cohort, .excluded = {}});
  require_other_files(options, found.cases);
  const OutputFolder output(options.output, Existing::resume);
  std::string rows;
  std::string warnings = warning_rows("n/a", found.warnings);
  std::size_t failed = 0;
  for (const io::CaseInput& input : found.cases) {
    try {
      warnings += warning_rows(input.case_id,
                               prepare_case(input, loader, options.load, package.manifest, output));
      rows += prepared_row(input);
      log_info(input.case_id + ": prepared");
    } catch (const Error& error) {
      if (error.exit_code() != ExitCode::some_cases_failed) {
        throw;
      }
      ++failed;
      log_error(input.case_id + ": failed (" + error.code() + "): " + error.what() +
                (error.hint().empty() ? "" : "; " + error.hint()));
    }
  }
  std::string header = "case_id\timage\tmask";
  for (const auto& [name, value] : found.cases.front().extra_columns) {
    header += '\t' + name;
  }
  io::write_file_atomically(output.path() / "warnings.tsv", "case_id\tcode\tmessage\n" + warnings);
  io::write_file_atomically(output.path() / "prepared.tsv", header + '\n' + rows);
  return failed == 0 ? ExitCode::ok : ExitCode::some_cases_failed;
}

} // namespace cordlesion::app
