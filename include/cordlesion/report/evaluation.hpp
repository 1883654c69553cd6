// Everything that is said of a cohort's predictions against its reference standard, as plain data.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/core/mask_agreement.hpp"
#include "cordlesion/core/node_performance.hpp"
#include "cordlesion/report/prediction.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::report {

/// One labelled case.
struct EvaluatedCase {
  std::string case_id;
  std::string label; ///< true class: astrocytoma, ependymoma, ms, nmosd, healthy
  std::map<std::string, std::string> groups; ///< column and value of the subgroups it belongs to
  std::optional<Prediction> prediction;      ///< none: no report of it, or none that can be read
  std::string unreadable;                    ///< error code of a report that cannot be read
  std::optional<MaskAgreement> agreement;    ///< of the predicted with the reference mask
  std::string
      not_compared; ///< why there is no agreement: no_reference, failed, an error's code, ...
};

/// The prediction's label, or no_lesion, failed, missing.
std::string outcome_of(const EvaluatedCase& evaluated);

/// The error code of a failed case or of a report that cannot be read, else empty.
std::string error_code_of(const EvaluatedCase& evaluated);

/// None if the masks were not compared or are both empty.
std::optional<double> dice_of(const EvaluatedCase& evaluated);

/// A node with true routing: all labelled cases of its classes.
struct NodeEvaluation {
  std::size_t cases = 0;
  /// Cases without this node's probability, by reason: no_lesion, failed, missing, not_reached.
  std::map<std::string, std::size_t> unevaluated;
  std::size_t abstained = 0; ///< decided `indeterminate`; evaluated all the same
  NodePerformance performance;
};

/// The four classes with predicted routing.
struct EndToEnd {
  /// cases[label][outcome]; all labels and all outcomes are present.
  std::map<std::string, std::map<std::string, std::size_t>> cases;
  Proportion
      accuracy_of_evaluated;  ///< right, of the four classes' cases with one of the four labels
  Proportion accuracy_of_all; ///< right, of all cases of the four classes
  std::map<std::string, Proportion> sensitivity; ///< per class, of all its cases
  std::map<std::string, Proportion> ppv;         ///< per class, of all cases predicted as it
};

/// Agreement of masks over the cases of one class.
struct SegmentationEvaluation {
  std::size_t cases = 0;
  std::map<std::string, std::size_t> not_compared; ///< by reason
  std::size_t both_empty = 0;                      ///< no Dice: neither mask holds a lesion
  std::optional<Summary> dice;
  std::optional<Summary> surface_dice;
  std::optional<Summary> volume_error_mm3; ///< predicted - reference
  std::optional<Summary> absolute_volume_error_mm3;
  std::optional<Summary> relative_volume_error;
  Proportion lesion_found; ///< cases with any common voxel, of those with a reference lesion
  LesionMatches lesions;   ///< summed over the cases
};

/// Predicted lesions by true class, from the reports alone.
struct Detection {
  Proportion with_lesion; ///< cases with any predicted lesion, of those that completed
  std::size_t lesions = 0;
  std::optional<Summary> volume_mm3; ///< of the cases with a predicted lesion
};

struct Subgroup {
  std::string column;
  std::string value;
  std::size_t cases = 0;
  std::map<Node, NodeEvaluation> nodes; ///< without bootstrap
  EndToEnd end_to_end;
  std::optional<Summary> dice;
};

struct Evaluation {
  Bootstrap bootstrap;
  AgreementRules rules;
  bool masks_given = false;
  std::vector<EvaluatedCase> cases;    ///< sorted by case_id
  std::vector<std::string> unlabelled; ///< predictions that the labels do not name
  std::optional<Summary> age_years;
  std::map<Node, NodeEvaluation> nodes;
  EndToEnd end_to_end;
  std::map<std::string, SegmentationEvaluation> segmentation; ///< by class; empty without masks
  std::map<std::string, Detection> detection;                 ///< by class
  std::vector<Subgroup> subgroups;
  std::vector<Warning> warnings;
};

/// Right decisions of all labelled cases of a node, those without its probability counting as
/// wrong.
Proportion accuracy_of_all(const OperatingPoint& point, std::size_t cases);

/// The four classes, and the columns of the end-to-end matrix, in the order of tables.
extern const std::vector<std::string> four_classes;
extern const std::vector<std::string> true_classes; ///< the four and healthy
extern const std::vector<std::string> outcomes;

} // namespace cordlesion::report
