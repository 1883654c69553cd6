// report.json: the case report as JSON, following src/report/report.schema.json.
#pragma once

#include "cordlesion/report/case_report.hpp"

#include <optional>
#include <string>

namespace cordlesion::report {

inline constexpr int report_schema_version = 1;

/// Pretty-printed UTF-8 JSON. Throws std::logic_error if a number is not finite.
std::string to_json(const CaseReport& report);

/// Digests of a complete report (`ok` or `no_lesion`); none if the text is not such a report.
std::optional<Digests> digests_of_complete_report(const std::string& json);

/// True for a report of this program, complete or failed.
bool is_case_report(const std::string& json);

} // namespace cordlesion::report
