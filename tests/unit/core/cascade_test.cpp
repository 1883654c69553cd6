#include "cordlesion/core/cascade.hpp"

#include <gtest/gtest.h>

namespace cordlesion {
namespace {

CascadeOptions options() {
  CascadeOptions result;
  for (Node node : all_nodes) {
    result.thresholds[node] = 0.5;
  }
  return result;
}

/// An evaluator with fixed probabilities of the second class.
auto always(double tumor_node, double glioma_node, double inflammation_node) {
  return [=](Node node) -> std::vector<double> {
    switch (node) {
    case Node::tumor_vs_demyelination:
      return {tumor_node, tumor_node};
    case Node::astrocytoma_vs_ependymoma:
      return {glioma_node};
    case Node::ms_vs_nmosd:
      return {inflammation_node};
    }
    return {};
  };
}

TEST(Cascade, EachPathEndsAtItsClass) {
  EXPECT_EQ(run_cascade(options(), always(0.1, 0.2, 0.9)).label, "astrocytoma");
  EXPECT_EQ(run_cascade(options(), always(0.1, 0.8, 0.9)).label, "ependymoma");
  EXPECT_EQ(run_cascade(options(), always(0.9, 0.8, 0.1)).label, "ms");
  EXPECT_EQ(run_cascade(options(), always(0.9, 0.8, 0.9)).label, "nmosd");
}

TEST(Cascade, NodesOffThePathAreNotReached) {
  const CascadeResult result = run_cascade(options(), always(0.1, 0.8, 0.9));
  EXPECT_EQ(result.path, (std::vector<std::string>{"tumor", "ependymoma"}));
  EXPECT_TRUE(std::holds_alternative<NodeNotReached>(result.nodes.at(Node::ms_vs_nmosd)));
  EXPECT_TRUE(std::get<NodeOutcome>(result.nodes.at(Node::tumor_vs_demyelination)).reached);
}

TEST(Cascade, AllNodesAreEvaluatedOnRequestWithoutChangingTheLabel) {
  CascadeOptions all = options();
  all.evaluate_all_nodes = true;
  const CascadeResult result = run_cascade(all, always(0.1, 0.8, 0.9));
  EXPECT_EQ(result.label, "ependymoma");
  const auto& other = std::get<NodeOutcome>(result.nodes.at(Node::ms_vs_nmosd));
  EXPECT_FALSE(other.reached);
  EXPECT_DOUBLE_EQ(other.second_probability, 0.9);
}

TEST(Cascade, ThresholdDecidesForTheSecondClassFromItsOwnValueOn) {
  CascadeOptions strict = options();
  strict.thresholds[Node::tumor_vs_demyelination] = 0.75;
  EXPECT_EQ(run_cascade(strict, always(0.75, 0, 0)).path.front(), "demyelination");
  EXPECT_EQ(run_cascade(strict, always(0.74, 0, 0)).path.front(), "tumor");
}

TEST(Cascade, WithinTheMarginItAbstainsAndGoesNoFurther) {
  CascadeOptions careful = options();
  careful.abstain_margin = 0.1;
  const CascadeResult result = run_cascade(careful, always(0.45, 0.9, 0.9));
  EXPECT_EQ(result.label, "indeterminate");
  EXPECT_EQ(result.path.size(), 1U);
  EXPECT_TRUE(
      std::holds_alternative<NodeNotReached>(result.nodes.at(Node::astrocytoma_vs_ependymoma)));
  EXPECT_EQ(run_cascade(careful, always(0.25, 0.9, 0.9)).label, "ependymoma");
}

TEST(Cascade, PatientProbabilityIsTheMeanOverSlices) {
  const NodeOutcome outcome = decide(Node::ms_vs_nmosd, {0.2, 0.4, 0.9}, 0.5, 0);
  EXPECT_DOUBLE_EQ(outcome.second_probability, 0.5);
  EXPECT_EQ(outcome.decision, "nmosd");
  EXPECT_DOUBLE_EQ(outcome.margin, 0);
}

TEST(Cascade, WithoutLesionThereIsNoLabelAndNoNode) {
  const CascadeResult result = no_lesion_result();
  EXPECT_FALSE(result.label.has_value());
  EXPECT_TRUE(result.path.empty());
  EXPECT_EQ(result.nodes.size(), 3U);
}

TEST(Cascade, NodeNamesRoundTrip) {
  for (Node node : all_nodes) {
    EXPECT_EQ(node_from_string(to_string(node)), node);
  }
  EXPECT_FALSE(node_from_string("tumour").has_value());
}

} // namespace
} // namespace cordlesion
