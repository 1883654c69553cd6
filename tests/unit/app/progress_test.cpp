#include "cordlesion/app/progress.hpp"

#include <gtest/gtest.h>

namespace cordlesion::app {
namespace {

TEST(Progress, BarShowsCasesRateAndTimeLeft) {
  EXPECT_EQ(progress_bar(3, 12, 1.2),
            "[######------------------] 3/12 cases  1.20 s/case  00:00:11 left");
  EXPECT_EQ(progress_bar(0, 4, 0), "[------------------------] 0/4 cases");
  EXPECT_EQ(progress_bar(0, 0, 0), "[########################] 0/0 cases");
}

TEST(Progress, LineOfACaseNamesLabelAndPathProbabilities) {
  report::CompletedCase done;
  done.lesions.resize(2);
  done.segmentation = {.source = "network", .threshold = 0.5, .voxels = 9, .volume_mm3 = 812.53};
  done.selected_slices.resize(4);
  done.classification = run_cascade({.thresholds = {{Node::tumor_vs_demyelination, 0.5},
                                                    {Node::astrocytoma_vs_ependymoma, 0.5},
                                                    {Node::ms_vs_nmosd, 0.5}}},
                                    [](Node node) -> std::vector<double> {
                                      return {node == Node::tumor_vs_demyelination ? 0.09 : 0.77};
                                    });
  report::CaseReport report;
  report.case_id = "sub-01";
  report.outcome = done;
  EXPECT_EQ(case_line(report, 1.318),
            "sub-01: ependymoma (tumor 0.91, ependymoma 0.77), lesions 2, "
            "812.5 mm3, slices 4, 1.32 s");
}

TEST(Progress, LineOfAFailureSaysWhyAndWhatNext) {
  report::CaseReport report;
  report.case_id = "bad";
  report.outcome = report::FailedCase{case_error(Stage::read, "slice_gap", "a gap", "Look.")};
  EXPECT_EQ(case_line(report, 0.5), "bad: failed (read, slice_gap): a gap. Look., 0.50 s");
}

} // namespace
} // namespace cordlesion::app
