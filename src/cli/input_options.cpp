// Inputs and series.
#include "input_options.hpp"

#include "cordlesion/core/error.hpp"
#include "number_checks.hpp"

namespace cordlesion::cli {

void add_prefer_option(CLI::App& command, io::VolumeChoice& choice) {
  command
      .add_option_function<std::string>(
          "--prefer",
          [&choice](const std::string& name) {
            choice.orientation = name == "sform" ? io::Orientation::sform : io::Orientation::qform;
          },
          "The placement to believe where the two of a NIfTI file disagree")
      ->check(CLI::IsMember({"sform", "qform"}));
}

void add_load_timeout_option(CLI::App& command, io::LoaderLimits& limits) {
  command
      .add_option("--load-timeout", limits.seconds_per_case,
                  "Seconds that loading one case may take")
      ->type_name("S")
      ->check(number_between(0.001, 1e6))
      ->capture_default_str();
}

void add_reading_options(CLI::App& command, ReadingOptions& options) {
  command
      .add_option("--series-policy", options.series_policy,
                  "If two series serve equally well: take the best with a warning, or fail")
      ->check(CLI::IsMember({"best", "fail"}))
      ->capture_default_str();
  command.add_flag("--assume-sagittal-t2", options.assume_sagittal_t2,
                   "Take the weighting for granted; the geometry must still be sagittal");
  add_prefer_option(command, options.volume_choice);
  command
      .add_option("--volume", options.volume_choice.volume,
                  "Of a NIfTI file with several volumes use the N-th, from 1")
      ->check(CLI::Range(1, 32767));
}

void add_input_options(CLI::App& command, InputOptions& options) {
  command.add_option(
      "INPUT", options.inputs,
      "NIfTI, NRRD or MetaImage files, DICOM files, series, study or cohort folders, "
      "BIDS datasets; any mix");
  command
      .add_option("--cases", options.case_list,
                  "Case list, tab-separated, with columns case_id, image and optionally mask")
      ->type_name("FILE.tsv");
  command.add_option(
      "--series-uid", options.series_uid,
      "Use this series of a DICOM study, whatever its sequence; its UID, or the digest "
      "that scan shows");
  add_reading_options(command, options.reading);
  command.add_flag("--allow-gaps", options.allow_gaps,
                   "Take a DICOM series with missing or unevenly spaced slices slice by slice; no "
                   "volume is reported");
  command.add_flag("--include-identifiers", options.include_identifiers,
                   "Let series descriptions appear in the outputs");
}

io::FindRequest find_request(const InputOptions& options) {
  if (options.inputs.empty() && options.case_list.empty()) {
    throw usage_error("no input given", "Name files or folders, or give a case list with --cases.");
  }
  io::FindRequest request;
  request.inputs.assign(options.inputs.begin(), options.inputs.end());
  if (!options.case_list.empty()) {
    request.case_list = options.case_list;
  }
  return request;
}

io::LoadOptions load_options(const ReadingOptions& options) {
  io::LoadOptions load;
  load.fail_on_ambiguity = options.series_policy == "fail";
  load.assume_sagittal_t2 = options.assume_sagittal_t2;
  load.volume_choice = options.volume_choice;
  return load;
}

io::LoadOptions load_options(const InputOptions& options) {
  io::LoadOptions load = load_options(options.reading);
  if (!options.series_uid.empty()) {
    load.series_uid = options.series_uid;
  }
  load.allow_gaps = options.allow_gaps;
  load.include_identifiers = options.include_identifiers;
  return load;
}

} // namespace cordlesion::cli
