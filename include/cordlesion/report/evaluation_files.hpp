// The files of an evaluation.
#pragma once

#include "cordlesion/report/evaluation.hpp"

#include <map>
#include <optional>
#include <string>

namespace cordlesion::report {

/// metrics.json: everything, undefined values null.
std::string metrics_json(const Evaluation& evaluation);

/// metrics.tsv: the same as one row per number, undefined values n/a.
std::string metrics_table(const Evaluation& evaluation);

/// worst_cases.tsv: what went wrong, worst first; see models/README.md for the order.
std::string worst_cases_table(const Evaluation& evaluation);

/// report.md: for a reader, with the items of the CLAIM checklist that a program can fill.
std::string evaluation_markdown(const Evaluation& evaluation);

/// The results at the package's cut-offs as a few aligned lines.
std::string evaluation_text(const Evaluation& evaluation);

/// File names and SVG of the plots: confusion_matrix.svg, roc_<node>.svg (none unless both classes
/// are present) and dice_by_class.svg (none unless masks were compared).
std::map<std::string, std::optional<std::string>> evaluation_plots(const Evaluation& evaluation);

} // namespace cordlesion::report
