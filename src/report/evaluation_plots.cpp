// ROC curves, the confusion matrix and Dice by class as SVG.
#include "class_names.hpp"
#include "cordlesion/report/evaluation_files.hpp"
#include "number_text.hpp"
#include "svg.hpp"

#include <algorithm>

namespace cordlesion::report {
namespace {

using Anchor = Svg::Anchor;

/// A square of the unit interval on both axes, with ticks at every fifth.
struct UnitAxes {
  double left = 70;
  double top = 70;
  double width = 360;
  double height = 360;

  double x(double value) const { return left + value * width; }
  double y(double value) const { return top + (1 - value) * height; }

  void draw_y(Svg& svg, const std::string& title) const {
    for (int i = 0; i <= 5; ++i) {
      const double value = i / 5.0;
      svg.line(left, y(value), left + width, y(value), svg_light);
      svg.text(left - 8, y(value) + 4, fixed_text(value, 1), 12, Anchor::end);
    }
    svg.text_upwards(left - 44, top + height / 2, title);
  }

  void draw_x(Svg& svg, const std::string& title) const {
    for (int i = 0; i <= 5; ++i) {
      const double value = i / 5.0;
      svg.line(x(value), top, x(value), top + height, svg_light);
      svg.text(x(value), top + height + 18, fixed_text(value, 1), 12, Anchor::middle);
    }
    svg.text(left + width / 2, top + height + 42, title, 13, Anchor::middle);
  }

  void draw_frame(Svg& svg) const { svg.rect(left, top, width, height, "none", "#222222"); }
};

/// A cut-off on the curve, and its line in the legend.
void draw_cut_off(Svg& svg, const UnitAxes& axes, const OperatingPoint& point,
                  const std::string& name, const char* colour, int line) {
  const auto sensitivity = value_of(point.metrics.at(BinaryMetric::sensitivity).counts);
  const auto specificity = value_of(point.metrics.at(BinaryMetric::specificity).counts);
  const double radius = 9.0 - 2 * line; // equal cut-offs stay visible as rings
  svg.circle(axes.x(1 - *specificity), axes.y(*sensitivity), radius, colour, "#FFFFFF");
  const double y = axes.y(0) - 64 + 20 * line;
  svg.circle(axes.x(0.3), y - 4, 6, colour);
  svg.text(axes.x(0.3) + 14, y,
           name + ": " + fixed_text(100 * *sensitivity, 0) + "% / " +
               fixed_text(100 * *specificity, 0) + "%",
           12);
}

std::optional<std::string> roc_plot(Node node, const NodePerformance& performance) {
  if (!performance.auc) {
    return std::nullopt;
  }
  const NodeClasses classes = classes_of(node);
  const std::string title = node_title(node);
  Svg svg(500, 500, "ROC curve: " + title);
  const UnitAxes axes;
  svg.text(axes.left, 28, title, 16);
  svg.text(axes.left, 50,
           "AUC " + fixed_text(performance.auc, 2) + " (DeLong 95% " +
               interval_text(performance.auc_delong, 2) + "), " +
               std::to_string(performance.positives) + " positive, " +
               std::to_string(performance.negatives) + " negative",
           13);
  axes.draw_x(svg, "1 - specificity");
  axes.draw_y(svg, "Sensitivity (" + name_in_text(classes.second) + ")");
  axes.draw_frame(svg);
  svg.line(axes.x(0), axes.y(0), axes.x(1), axes.y(1), svg_grey, 1, "5 4");
  std::vector<std::pair<double, double>> curve{{axes.x(0), axes.y(0)}};
  for (const RocPoint& point : performance.roc) {
    curve.emplace_back(axes.x(point.false_positive_rate), axes.y(point.sensitivity));
  }
  svg.polyline(curve, svg_blue, 2.5);
  svg.rect(axes.x(0.27), axes.y(0) - 106, axes.width * 0.71, 98, "#FFFFFF", svg_light);
  svg.text(axes.x(0.3) - 6, axes.y(0) - 88, "Sensitivity / specificity", 12);
  draw_cut_off(svg, axes, performance.at_package, "Package's cut-off", svg_orange, 0);
  draw_cut_off(svg, axes, performance.at_half, "Cut-off 0.5", svg_green, 1);
  draw_cut_off(svg, axes, *performance.at_youden, "Youden (optimistic)", svg_purple, 2);
  return svg.str();
}

/// White to blue by the share of a row.
std::string shade(double share) {
  const auto mix = [&](int full) { return static_cast<int>(255 + share * (full - 255)); };
  return "rgb(" + std::to_string(mix(0)) + "," + std::to_string(mix(114)) + "," +
         std::to_string(mix(178)) + ")";
}

constexpr double cell_width = 96;
constexpr double cell_height = 46;

void draw_matrix_row(Svg& svg, const std::map<std::string, std::size_t>& row,
                     const std::string& label, double left, double y) {
  std::size_t cases = 0;
  for (const auto& [outcome, count] : row) {
    cases += count;
  }
  svg.text(left - 10, y + 21, display_name(label), 13, Anchor::end);
  svg.text(left - 10, y + 37, "n = " + std::to_string(cases), 11, Anchor::end, "#555555");
  for (std::size_t column = 0; column < outcomes.size(); ++column) {
    const std::size_t count = row.at(outcomes[column]);
    const double share = cases == 0 ? 0 : static_cast<double>(count) / static_cast<double>(cases);
    const double x = left + static_cast<double>(column) * cell_width;
    svg.rect(x, y, cell_width, cell_height, shade(share), svg_light);
    const char* colour = share > 0.5 ? "#FFFFFF" : "#222222";
    svg.text(x + cell_width / 2, y + 21, std::to_string(count), 15, Anchor::middle, colour);
    if (cases > 0 && count > 0) {
      svg.text(x + cell_width / 2, y + 37, fixed_text(100 * share, 0) + "%", 11, Anchor::middle,
               colour);
    }
    if (outcomes[column] == (label == "healthy" ? "no_lesion" : label)) {
      svg.rect(x + 1.5, y + 1.5, cell_width - 3, cell_height - 3, "none", "#222222");
    }
  }
}

std::string confusion_plot(const EndToEnd& result) {
  constexpr double left = 130;
  constexpr double top = 92;
  const double right = left + static_cast<double>(outcomes.size()) * cell_width;
  const double bottom = top + static_cast<double>(true_classes.size()) * cell_height;
  Svg svg(right + 20, bottom + 34, "Confusion matrix, end to end");
  svg.text(left, 28, "End to end: true class (rows), outcome (columns)", 16);
  svg.text(left, 50,
           "Right " + counted_text(result.accuracy_of_all) + " of the four classes' cases, " +
               counted_text(result.accuracy_of_evaluated) +
               " of those that got one of the four labels",
           13);
  for (std::size_t column = 0; column < outcomes.size(); ++column) {
    svg.text(left + (static_cast<double>(column) + 0.5) * cell_width, top - 10,
             display_name(outcomes[column]), 12, Anchor::middle);
  }
  for (std::size_t row = 0; row < true_classes.size(); ++row) {
    draw_matrix_row(svg, result.cases.at(true_classes[row]), true_classes[row], left,
                    top + static_cast<double>(row) * cell_height);
  }
  svg.text(left, bottom + 20, "Outlined: right. Shade and percentage: share of the row.", 11,
           Anchor::start, "#555555");
  return svg.str();
}

/// Quartiles as a box, the median as a line, every case as a point.
void draw_box(Svg& svg, const UnitAxes& axes, double centre, const Summary& summary,
              const std::vector<double>& values) {
  constexpr double half = 26;
  svg.line(centre, axes.y(summary.minimum), centre, axes.y(summary.maximum), svg_grey);
  svg.rect(centre - half, axes.y(summary.third_quartile), 2 * half,
           axes.y(summary.first_quartile) - axes.y(summary.third_quartile), "#CCE3F0", svg_blue);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double shift = 10.0 * (static_cast<double>(i * 7 % 11) / 5.0 - 1); // beside each other
    svg.circle(centre + shift, axes.y(values[i]), 2.5, "#222222", "none", 0.5);
  }
  svg.line(centre - half, axes.y(summary.median), centre + half, axes.y(summary.median), svg_blue,
           3);
}

std::optional<std::string> dice_plot(const Evaluation& evaluation) {
  std::vector<std::string> classes;
  for (const std::string& label : four_classes) { // of a healthy case Dice is 0 or undefined
    const auto found = evaluation.segmentation.find(label);
    if (found != evaluation.segmentation.end() && found->second.dice) {
      classes.push_back(label);
    }
  }
  if (classes.empty()) {
    return std::nullopt;
  }
  constexpr double step = 110;
  const UnitAxes axes{.width = step * static_cast<double>(classes.size())};
  Svg svg(std::max(430.0, axes.left + axes.width + 30), 520, "Dice by class");
  svg.text(axes.left, 28, "Dice of predicted and reference mask", 16);
  svg.text(axes.left, 50, "Line: median, box: quartiles, points: cases", 13);
  axes.draw_y(svg, "Dice");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const Summary& summary = *evaluation.segmentation.at(classes[i]).dice;
    std::vector<double> values;
    for (const EvaluatedCase& evaluated : evaluation.cases) {
      const std::optional<double> dice = dice_of(evaluated);
      if (dice && evaluated.label == classes[i]) {
        values.push_back(*dice);
      }
    }
    const double centre = axes.left + (static_cast<double>(i) + 0.5) * step;
    draw_box(svg, axes, centre, summary, values);
    svg.text(centre, axes.y(0) + 20, display_name(classes[i]), 13, Anchor::middle);
    svg.text(centre, axes.y(0) + 38, "n = " + std::to_string(summary.count), 12, Anchor::middle,
             "#555555");
    svg.text(centre, axes.y(0) + 55, "mean " + fixed_text(summary.mean, 2), 12, Anchor::middle,
             "#555555");
  }
  axes.draw_frame(svg);
  return svg.str();
}

} // namespace

std::map<std::string, std::optional<std::string>> evaluation_plots(const Evaluation& evaluation) {
  std::map<std::string, std::optional<std::string>> plots;
  for (const auto& [node, result] : evaluation.nodes) {
    plots["roc_" + std::string(to_string(node)) + ".svg"] = roc_plot(node, result.performance);
  }
  plots["confusion_matrix.svg"] = confusion_plot(evaluation.end_to_end);
  plots["dice_by_class.svg"] = dice_plot(evaluation);
  return plots;
}

} // namespace cordlesion::report
