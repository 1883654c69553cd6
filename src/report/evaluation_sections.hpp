// The parts of report.md, each opening with its heading.
#pragma once

#include "cordlesion/report/evaluation.hpp"

#include <map>
#include <string>

namespace cordlesion::report {

std::string nodes_section(const Evaluation& evaluation);
std::string end_to_end_section(const Evaluation& evaluation);
std::string segmentation_section(const Evaluation& evaluation);
std::string detection_section(const Evaluation& evaluation);
std::string subgroups_section(const Evaluation& evaluation);
std::string failures_section(const Evaluation& evaluation);
std::string definitions_section(const Evaluation& evaluation);
std::string claim_section(const Evaluation& evaluation);

/// How many cases have each error code: failed ones and those whose report cannot be read.
std::map<std::string, std::size_t> failures_by_code(const Evaluation& evaluation);

/// The packages that predicted, each with the number of its cases.
std::map<std::string, std::size_t> cases_by_model(const Evaluation& evaluation);

/// How many of the labelled cases have a status: ok, no_lesion, failed, missing.
std::size_t cases_with_status(const Evaluation& evaluation, const std::string& status);

} // namespace cordlesion::report
