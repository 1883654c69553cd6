// report.md: definitions, and the items of the CLAIM checklist.
#include "class_names.hpp"
#include "cordlesion/core/counted.hpp"
#include "cordlesion/core/version.hpp"
#include "evaluation_sections.hpp"
#include "markdown.hpp"
#include "number_text.hpp"

#include <algorithm>

namespace cordlesion::report {
namespace {

constexpr const char* for_authors = "*For the authors.*";

struct ClaimItem {
  const char* number;
  const char* title;
  std::string text;
};

std::string models_text(const Evaluation& evaluation) {
  std::string text;
  for (const auto& [model, count] : cases_by_model(evaluation)) {
    text += (text.empty() ? "" : "; ") + markdown_text(model) + " (" + counted(count, "case") + ")";
  }
  return text.empty() ? "no prediction was read" : text;
}

/// The distinct values of one text of the predictions, joined.
template <typename Text> std::string distinct(const Evaluation& evaluation, Text text_of) {
  std::map<std::string, std::size_t> values;
  for (const EvaluatedCase& evaluated : evaluation.cases) {
    if (evaluated.prediction) {
      ++values[text_of(*evaluated.prediction)];
    }
  }
  std::string text;
  for (const auto& [value, count] : values) {
    if (!value.empty()) {
      text += (text.empty() ? "" : "; ") + markdown_text(value);
    }
  }
  return text.empty() ? "not known" : text;
}

std::string classes_text(const Evaluation& evaluation) {
  std::string text;
  for (const std::string& label : true_classes) {
    const auto count = std::count_if(evaluation.cases.begin(), evaluation.cases.end(),
                                     [&](const EvaluatedCase& c) { return c.label == label; });
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + name_in_text(label);
  }
  return text;
}

std::string partitions_text(const Evaluation& evaluation) {
  const bool has_split = std::any_of(evaluation.subgroups.begin(), evaluation.subgroups.end(),
                                     [](const Subgroup& group) { return group.column == "split"; });
  return has_split
             ? "The label table has a column `split`; see its rows under Subgroups. Whether the "
               "partitions are disjoint by patient is not known to the program."
             : "**Unknown to the program.** Nothing says whether these cases were used for "
               "training or for choosing a cut-off; a column `split` in the label table would "
               "show the partitions apart.";
}

std::string flow_text(const Evaluation& evaluation) {
  const auto count = [&](const char* status) {
    return std::to_string(cases_with_status(evaluation, status));
  };
  return counted(evaluation.cases.size(), "labelled case") + ": " + count("ok") +
         " with a lesion predicted, " + count("no_lesion") + " without, " + count("failed") +
         " failed, " + count("missing") + " with their prediction missing or unreadable. " +
         "Left out for want of a label: " + counted(evaluation.unlabelled.size(), "prediction") +
         ".";
}

std::string demographics_text(const Evaluation& evaluation) {
  std::string text = classes_text(evaluation) + ".";
  if (const auto& age = evaluation.age_years) {
    text += " Age of " + counted(age->count, "case") + ": median " + fixed_text(age->median, 0) +
            " years, range " + fixed_text(age->minimum, 0) + "-" + fixed_text(age->maximum, 0) +
            ".";
  }
  std::string groups;
  for (const Subgroup& group : evaluation.subgroups) {
    groups += (groups.empty() ? " " : ", ") + markdown_text(group.column + " " + group.value) +
              " " + std::to_string(group.cases);
  }
  return text + groups + (groups.empty() ? "" : ".");
}

std::string segmentation_reference_text(const Evaluation& evaluation) {
  return evaluation.masks_given ? "Lesions: the reference masks given with `--masks`; a healthy "
                                  "case without one counts "
                                  "as having no lesion. "
                                : "Lesions: no reference masks were given. ";
}

std::string identifiers_text(const Evaluation& evaluation) {
  const auto with =
      std::count_if(evaluation.cases.begin(), evaluation.cases.end(), [](const EvaluatedCase& c) {
        return c.prediction && c.prediction->identifiers_included;
      });
  return with == 0
             ? "The reports were written without identifiers from the images."
             : "**Written with `--include-identifiers`: " +
                   counted(static_cast<std::size_t>(with), "report") + " may identify patients.**";
}

std::vector<ClaimItem> data_items(const Evaluation& evaluation) {
  return {
      {"9", "Data preprocessing",
       "As models/README.md defines it, the same for training and prediction; parameters in each "
       "report.json."},
      {"11", "De-identification",
       identifiers_text(evaluation) + " De-identification of the images: " + for_authors},
      {"12", "Missing data",
       "Failed, missing and unreached cases are counted beside every result and as wrong in "
       "'accuracy of all'; no value is imputed. Subgroup values that are not given form the group "
       "n/a."},
      {"14-18", "Reference standard",
       "Classes: the column `label` of the label table. " +
           segmentation_reference_text(evaluation) +
           "How they were obtained, by whom and with what agreement: " + for_authors},
      {"19-20", "Data partitions", partitions_text(evaluation)},
      {"21", "Sample size", classes_text(evaluation) + ". Its intended size: " + for_authors},
  };
}

std::vector<ClaimItem> method_items(const Evaluation& evaluation) {
  return {
      {"22", "Model",
       models_text(evaluation) +
           ": a lesion segmenter and three binary classifiers in a hierarchy; their architecture "
           "is "
           "in the package's MODEL_CARD.md. Masks classified: " +
           distinct(evaluation, [](const Prediction& p) { return p.segmentation_source; }) + "."},
      {"23", "Software",
       "Predicted with " + distinct(evaluation, [](const Prediction& p) { return p.software; }) +
           "; evaluated with cordlesion " + std::string(version()) + " (" + std::string(commit()) +
           "). Libraries are in run.json."},
      {"24-27", "Training",
       "Trained on: " + distinct(evaluation, [](const Prediction& p) { return p.trained_on; }) +
           ". More in the package's MODEL_CARD.md."},
      {"28", "Metrics", "Sections 1 to 4, defined in section 7."},
      {"29", "Uncertainty",
       "95% intervals: Wilson and stratified bootstrap (" +
           std::to_string(evaluation.bootstrap.resamples) + " resamples, seed " +
           std::to_string(evaluation.bootstrap.seed) +
           ") of proportions, DeLong and bootstrap of AUC. No hypothesis is tested."},
      {"30", "Robustness",
       "Section 5, by the columns of the label table; three cut-offs in section 1."},
      {"31", "Explainability", "Not part of this evaluation."},
      {"32-33", "Internal and external testing",
       "Where the cases come from is not known to the program. " + std::string(for_authors)},
  };
}

std::vector<ClaimItem> result_items(const Evaluation& evaluation) {
  return {
      {"35", "Cases included and excluded", flow_text(evaluation)},
      {"36", "Demographic and clinical characteristics", demographics_text(evaluation)},
      {"37-38", "Performance and its precision", "Sections 1 to 5, metrics.json and metrics.tsv."},
      {"39", "Failure analysis", "Section 6 and worst_cases.tsv."},
      {"40", "Limitations",
       "Known to the program: Youden's cut-off is optimistic; small subgroups; one image per case; "
       "a mask on another grid is resampled to the nearest voxel. The rest: " +
           std::string(for_authors)},
      {"43", "Availability",
       "cordlesion is free software (Apache-2.0). Model and data: " + std::string(for_authors)},
  };
}

} // namespace

std::string definitions_section(const Evaluation& evaluation) {
  const std::string overlap =
      evaluation.rules.lesion_overlap > 0
          ? "at least " + fixed_text(100 * evaluation.rules.lesion_overlap, 0) + "% of its voxels"
          : "at least one of its voxels";
  return "\n## 7. Definitions\n\n"
         "- The second class of each decision is the positive one: demyelination, ependymoma, "
         "NMOSD. "
         "It is decided if its probability is at least the cut-off.\n"
         "- Bootstrap: " +
         std::to_string(evaluation.bootstrap.resamples) +
         " resamples drawn within each class, percentile interval; a cut-off is kept as it is. Of "
         "means, cases are drawn within the true class.\n"
         "- Calibration error: 10 bins of equal width, mean difference of probability and observed "
         "share, bins weighted by their cases.\n"
         "- Dice 2|A and B| / (|A| + |B|): undefined (not counted) if both masks are empty, 0 if "
         "one "
         "is.\n"
         "- Normalised surface distance: share of the surface voxels of both masks whose centre "
         "lies "
         "within " +
         fixed_text(evaluation.rules.surface_tolerance_mm, 2) +
         " mm of the other's surface; a surface voxel has a face neighbour outside; spacings are "
         "respected; empty masks as with Dice.\n"
         "- Lesions are 26-connected. One is matched if " +
         overlap +
         " lies in the other mask. Sensitivity is of reference lesions, precision of predicted "
         "ones, "
         "F1 their harmonic mean, each summed over the cases.\n"
         "- Severity: probability given to the wrong decision; of a low Dice (below 0.5) 1 - "
         "Dice.\n";
}

std::string claim_section(const Evaluation& evaluation) {
  std::string text =
      "\n## 8. CLAIM checklist\n\nItems of the Checklist for Artificial Intelligence in "
      "Medical Imaging (CLAIM, 2024 update) that this program can fill, or knows that "
      "it cannot. All other items are for the authors.\n" +
      markdown_header({"Item", "Subject", "Here"});
  for (const auto& items :
       {data_items(evaluation), method_items(evaluation), result_items(evaluation)}) {
    for (const ClaimItem& item : items) {
      text += markdown_row({item.number, item.title, item.text});
    }
  }
  return text;
}

} // namespace cordlesion::report
