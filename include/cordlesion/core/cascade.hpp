// The decision tree: tumour or demyelination, then astrocytoma or ependymoma, or MS or NMOSD.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cordlesion {

enum class Node { tumor_vs_demyelination, astrocytoma_vs_ependymoma, ms_vs_nmosd };

inline constexpr std::array<Node, 3> all_nodes{Node::tumor_vs_demyelination,
                                               Node::astrocytoma_vs_ependymoma, Node::ms_vs_nmosd};

/// `tumor_vs_demyelination` and so on: the name in manifests, reports and options.
std::string_view to_string(Node node);
std::optional<Node> node_from_string(std::string_view name);

/// The two classes of a node; the second is the paper's 'positive' class.
struct NodeClasses {
  std::string_view first;
  std::string_view second;
};
NodeClasses classes_of(Node node);

/// The classes that the cascade ends in, in the order of tables, and those of a reference standard.
inline constexpr std::array<std::string_view, 4> final_classes{"astrocytoma", "ependymoma", "ms",
                                                               "nmosd"};
inline constexpr std::array<std::string_view, 5> reference_classes{
    final_classes[0], final_classes[1], final_classes[2], final_classes[3], "healthy"};

/// The node that decides for a final class; none for any other text.
std::optional<Node> deciding_node(std::string_view label);

/// What a classifier said of a patient, and the decision taken from it.
struct NodeOutcome {
  double second_probability = 0;           ///< mean over slices of the softmax of the second class
  std::vector<double> slice_probabilities; ///< one per selected slice, same class
  double threshold = 0.5;
  double margin = 0;    ///< |second_probability - threshold|
  std::string decision; ///< a class of the node, or `indeterminate`
  bool reached = true;  ///< false: evaluated because all nodes were asked for, not on the path
};

/// The node was not evaluated: the path did not lead to it, or there was no lesion.
struct NodeNotReached {};

using NodeResult = std::variant<NodeNotReached, NodeOutcome>;

struct CascadeResult {
  /// `astrocytoma`, `ependymoma`, `ms`, `nmosd`, `indeterminate`; none without a lesion.
  std::optional<std::string> label;
  std::vector<std::string> path; ///< decisions in order, for example {`tumor`, `ependymoma`}
  std::map<Node, NodeResult> nodes;
};

struct CascadeOptions {
  std::map<Node, double> thresholds; ///< second class if probability >= threshold
  double abstain_margin = 0;         ///< indeterminate if |p - threshold| < margin
  bool evaluate_all_nodes = false;
};

/// Evaluates a classifier on the selected slices: probability of the second class for each slice.
/// A function so that the rule is testable without networks.
template <typename Evaluate>
CascadeResult run_cascade(const CascadeOptions& options, Evaluate&& evaluate);

/// The result of a case without lesion: no label, no node reached.
CascadeResult no_lesion_result();

/// Applies threshold and margin to the mean of the slice probabilities (at least one).
NodeOutcome decide(Node node, std::vector<double> slice_probabilities, double threshold,
                   double abstain_margin);

/// The node that a decision leads to; none for the four final classes and `indeterminate`.
std::optional<Node> next_node(std::string_view decision);

template <typename Evaluate>
CascadeResult run_cascade(const CascadeOptions& options, Evaluate&& evaluate) {
  CascadeResult result = no_lesion_result();
  const auto outcome_of = [&](Node node) {
    return decide(node, evaluate(node), options.thresholds.at(node), options.abstain_margin);
  };
  std::optional<Node> node = Node::tumor_vs_demyelination;
  while (node) {
    NodeOutcome outcome = outcome_of(*node);
    result.path.push_back(outcome.decision);
    result.label = outcome.decision;
    result.nodes[*node] = std::move(outcome);
    node = next_node(*result.label);
  }
  if (options.evaluate_all_nodes) {
    for (Node other : all_nodes) {
      if (std::holds_alternative<NodeNotReached>(result.nodes[other])) {
        NodeOutcome outcome = outcome_of(other);
        outcome.reached = false;
        result.nodes[other] = std::move(outcome);
      }
    }
  }
  return result;
}

} // namespace cordlesion
