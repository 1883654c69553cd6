// Names and classes of the cascade's nodes, and the decision at one node.
#include "cordlesion/core/cascade.hpp"

#include <cmath>
#include <numeric>
#include <utility>

namespace cordlesion {

std::string_view to_string(Node node) {
  switch (node) {
  case Node::tumor_vs_demyelination:
    return "tumor_vs_demyelination";
  case Node::astrocytoma_vs_ependymoma:
    return "astrocytoma_vs_ependymoma";
  case Node::ms_vs_nmosd:
    return "ms_vs_nmosd";
  }
  return "unknown";
}

std::optional<Node> node_from_string(std::string_view name) {
  for (Node node : all_nodes) {
    if (to_string(node) == name) {
      return node;
    }
  }
  return std::nullopt;
}

NodeClasses classes_of(Node node) {
  switch (node) {
  case Node::tumor_vs_demyelination:
    return {"tumor", "demyelination"};
  case Node::astrocytoma_vs_ependymoma:
    return {"astrocytoma", "ependymoma"};
  case Node::ms_vs_nmosd:
    return {"ms", "nmosd"};
  }
  return {};
}

std::optional<Node> deciding_node(std::string_view label) {
  for (const Node node : {Node::astrocytoma_vs_ependymoma, Node::ms_vs_nmosd}) {
    const NodeClasses classes = classes_of(node);
    if (label == classes.first || label == classes.second) {
      return node;
    }
  }
  return std::nullopt;
}

CascadeResult no_lesion_result() {
  CascadeResult result;
  for (Node node : all_nodes) {
    result.nodes[node] = NodeNotReached{};
  }
  return result;
}

NodeOutcome decide(Node node, std::vector<double> slice_probabilities, double threshold,
                   double abstain_margin) {
  NodeOutcome outcome;
  const double sum = std::accumulate(slice_probabilities.begin(), slice_probabilities.end(), 0.0);
  outcome.second_probability = sum / static_cast<double>(slice_probabilities.size());
  outcome.slice_probabilities = std::move(slice_probabilities);
  outcome.threshold = threshold;
  outcome.margin = std::abs(outcome.second_probability - threshold);
  const NodeClasses classes = classes_of(node);
  if (outcome.margin < abstain_margin) {
    outcome.decision = "indeterminate";
  } else {
    outcome.decision = outcome.second_probability >= threshold ? classes.second : classes.first;
  }
  return outcome;
}

std::optional<Node> next_node(std::string_view decision) {
  if (decision == "tumor") {
    return Node::astrocytoma_vs_ependymoma;
  }
  if (decision == "demyelination") {
    return Node::ms_vs_nmosd;
  }
  return std::nullopt;
}

} // namespace cordlesion
