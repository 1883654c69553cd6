// Reading of labels, reports and masks.
#include "cohort.hpp"

#include "cohort_groups.hpp"
#include "cordlesion/app/corrected_masks.hpp"
#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/core/counted.hpp"
#include "cordlesion/core/lesion_mask.hpp"
#include "results_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace cordlesion::app {
namespace {

namespace fs = std::filesystem;

void require_folder(const fs::path& folder, const std::string& option) {
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown)) {
    throw usage_error(option + " " + folder.string() +
                      " is not a folder, does not exist or cannot be reached");
  }
}

void require_other_folder(const fs::path& masks, const fs::path& predictions) {
  std::error_code unknown;
  if (fs::equivalent(masks, predictions, unknown)) {
    throw usage_error("--masks names the folder of the predictions: every mask would be compared "
                      "with itself",
                      "Give the folder of the masks that readers drew.");
  }
}

std::vector<std::string> predicted_cases(const fs::path& predictions) {
  try {
    return cases_in(predictions);
  } catch (const fs::filesystem_error& error) {
    throw usage_error("cannot look through --predictions " + predictions.string() + ": " +
                      reason_of(error));
  }
}

/// The first few names, for a warning that stays one line.
std::string first_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > most ? text + ", ..." : text;
}

report::Prediction read_prediction(const fs::path& predictions, const std::string& case_id) {
  report::Prediction prediction =
      report::prediction_of(text_of_file(predictions / case_id / "report.json"));
  if (prediction.case_id != case_id) {
    throw case_error(Stage::read, "report_damaged",
                     "report.json in the folder of this case is of case " + prediction.case_id,
                     "Give the folder as predict wrote it.");
  }
  return prediction;
}

/// A mask compared with itself agrees perfectly and says nothing.
void require_other_file(const fs::path& reference, const fs::path& predicted) {
  std::error_code unknown;
  if (fs::equivalent(reference, predicted, unknown)) {
    throw usage_error("the reference mask " + reference.string() +
                          " is the very file of the prediction",
                      "Give --masks the folder of the masks that readers drew.");
  }
}

/// The reference mask on the grid of the prediction. A healthy case needs no file: its reference is
/// empty. None if there is no mask; throws a case error if it cannot be used.
std::optional<AlignedMask> reference_mask(const report::EvaluatedCase& evaluated,
                                          const EvaluateOptions& options, const fs::path& predicted,
                                          const Grid& grid, io::CaseLoader& loader) {
  if (const auto file = mask_in_folder(*options.masks, evaluated.case_id)) {
    require_other_file(*file, predicted);
    return align_mask(loader.load_volume(*file, *options.masks, options.mask_choice), grid);
  }
  if (evaluated.label != "healthy") {
    return std::nullopt;
  }
  return AlignedMask{.mask = Mask(grid, std::vector<std::uint8_t>(voxel_count(grid), 0))};
}

class CohortReader {
 public:
  CohortReader(const EvaluateOptions& options, io::CaseLoader& loader, Cohort& cohort)
      : options_(options), loader_(loader), cohort_(cohort) {}

  void read(report::EvaluatedCase& evaluated) {
    read_report(evaluated);
    if (!options_.masks) {
      evaluated.not_compared = "no_masks_given";
    } else if (!evaluated.prediction || evaluated.prediction->status == "failed") {
      evaluated.not_compared = report::outcome_of(evaluated);
    } else {
      compare(evaluated);
    }
  }

 private:
  void read_report(report::EvaluatedCase& evaluated) {
    std::error_code unknown;
    if (!fs::exists(options_.predictions / evaluated.case_id / "report.json", unknown)) {
      return;
    }
    try {
      evaluated.prediction = read_prediction(options_.predictions, evaluated.case_id);
    } catch (const Error& error) {
      ++cohort_.unusable_files;
      evaluated.unreadable = error.code();
      warn(evaluated, error.code(), error.what());
    }
  }

  void compare(report::EvaluatedCase& evaluated) {
    const fs::path file = options_.predictions / evaluated.case_id / "lesion_mask.nii.gz";
    std::error_code unknown;
    if (!fs::is_regular_file(file, unknown)) {
      evaluated.not_compared = "no_prediction_mask";
      return;
    }
    try {
      compare_with_reference(evaluated, file);
    } catch (const Error& error) {
      if (error.exit_code() != ExitCode::some_cases_failed) {
        throw;
      }
      ++cohort_.unusable_files;
      evaluated.not_compared = error.code();
      warn(evaluated, error.code(), error.what());
    }
  }

  void compare_with_reference(report::EvaluatedCase& evaluated, const fs::path& file) {
    const auto& digest = evaluated.prediction->mask_digest;
    if (digest && !is_file_of(file, digest)) {
      throw case_error(Stage::read, "mask_not_of_report",
                       "lesion_mask.nii.gz is not the mask that its report speaks of",
                       "Predict from a corrected mask with --masks.");
    }
    const Image image = loader_.load_volume(file, options_.predictions);
    const Mask predicted = align_mask(image, image.grid()).mask;
    const auto reference = reference_mask(evaluated, options_, file, image.grid(), loader_);
    if (!reference) {
      evaluated.not_compared = "no_reference";
      return;
    }
    if (reference->resampled) {
      warn(evaluated, "reference_resampled",
           "the reference mask has another grid or another order of axes than the prediction; "
           "every voxel took the value of the nearest");
    }
    if (reference->cut) {
      warn(evaluated, "reference_cut",
           "the reference mask reaches beyond the prediction; the lesion voxels outside were not "
           "compared");
    }
    if (reference->not_binary) {
      warn(evaluated, "reference_not_binary",
           "the reference mask holds several or negative values; every value above 0 was taken as "
           "lesion");
    }
    const CanonicalAxes axes = canonical_axes(image.grid());
    evaluated.agreement = mask_agreement(to_slice_stack(predicted, axes),
                                         to_slice_stack(reference->mask, axes), options_.rules);
  }

  void warn(const report::EvaluatedCase& evaluated, const std::string& code,
            const std::string& message) {
    cohort_.warnings.push_back({code, evaluated.case_id + ": " + message});
  }

  const EvaluateOptions& options_;
  io::CaseLoader& loader_;
  Cohort& cohort_;
};

/// What the labels say, before any prediction is read.
Cohort labelled_cohort(const io::LabelTable& labels) {
  CohortGroups groups = cohort_groups(labels);
  Cohort cohort;
  for (std::size_t i = 0; i < labels.cases.size(); ++i) {
    cohort.cases.push_back({.case_id = labels.cases[i].case_id,
                            .label = labels.cases[i].label,
                            .groups = std::move(groups.of_case[i]),
                            .prediction = std::nullopt,
                            .unreadable = {},
                            .agreement = std::nullopt,
                            .not_compared = {}});
  }
  cohort.ages_years = std::move(groups.ages_years);
  cohort.warnings = std::move(groups.warnings);
  return cohort;
}

/// Notes the predictions without label. Throws if no labelled case is among the predictions.
void match_names(Cohort& cohort, const std::vector<std::string>& predicted) {
  std::set<std::string> labelled;
  for (const report::EvaluatedCase& evaluated : cohort.cases) {
    labelled.insert(evaluated.case_id);
  }
  for (const std::string& name : predicted) {
    if (labelled.count(name) == 0) {
      cohort.unlabelled.push_back(name);
    }
  }
  if (cohort.unlabelled.size() == predicted.size()) {
    throw Error(ExitCode::no_input, Stage::find, "no_input",
                "no labelled case has a report: " + counted(cohort.cases.size(), "labelled case") +
                    ", " + counted(predicted.size(), "prediction"),
                "Compare case_id in the label table with the folders that predict wrote.");
  }
}

/// One warning for all predictions without label, one for all labelled cases without prediction.
void warn_about_names(Cohort& cohort) {
  std::vector<std::string> missing;
  for (const report::EvaluatedCase& evaluated : cohort.cases) {
    if (!evaluated.prediction && evaluated.unreadable.empty()) {
      missing.push_back(evaluated.case_id);
    }
  }
  if (!missing.empty()) {
    cohort.warnings.push_back({"prediction_missing", "labelled, but without prediction: " +
                                                         counted(missing.size(), "case") + " (" +
                                                         first_of(missing) + ")"});
  }
  if (!cohort.unlabelled.empty()) {
    cohort.warnings.push_back(
        {"prediction_unlabelled",
         "predicted, but without label and left out: " + counted(cohort.unlabelled.size(), "case") +
             " (" + first_of(cohort.unlabelled) + ")"});
  }
}

/// What a reader of the results should know of how the predictions came about.
void warn_about_origin(Cohort& cohort, bool masks_given) {
  std::set<std::string> models; // by their networks: a name may be given twice
  std::size_t corrected = 0;
  for (const report::EvaluatedCase& evaluated : cohort.cases) {
    if (evaluated.prediction) {
      if (!evaluated.prediction->models_digest.empty()) { // not known of a failed case
        models.insert(evaluated.prediction->model + ' ' + evaluated.prediction->models_digest);
      }
      corrected += evaluated.prediction->segmentation_source == "corrected_mask" ? 1 : 0;
    }
  }
  if (models.size() > 1) {
    cohort.warnings.push_back({"several_models", "the predictions come from " +
                                                     std::to_string(models.size()) +
                                                     " model packages; the results mix them"});
  }
  if (masks_given && corrected > 0) {
    cohort.warnings.push_back({"corrected_masks_compared",
                               counted(corrected, "prediction") +
                                   " started from corrected masks: agreement with the reference "
                                   "then says nothing of the segmentation"});
  }
}

} // namespace

Cohort load_cohort(const EvaluateOptions& options, io::CaseLoader& loader) {
  require_folder(options.predictions, "--predictions");
  if (options.masks) {
    require_folder(*options.masks, "--masks");
    require_other_folder(*options.masks, options.predictions);
  }
  Cohort cohort = labelled_cohort(io::read_label_table(options.labels));
  match_names(cohort, predicted_cases(options.predictions));
  CohortReader reader(options, loader, cohort);
  for (report::EvaluatedCase& evaluated : cohort.cases) {
    if (interrupted()) {
      throw Error(ExitCode::interrupted, Stage::read, "interrupted",
                  "stopped on request; nothing was written");
    }
    reader.read(evaluated);
  }
  warn_about_names(cohort);
  warn_about_origin(cohort, options.masks.has_value());
  return cohort;
}

} // namespace cordlesion::app
