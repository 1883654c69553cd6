// Grids and series as JSON, shared by reports and the scan listing.
#pragma once

#include "cordlesion/core/series.hpp"
#include "json_text.hpp"

#include <vector>

namespace cordlesion::report {

Json json_of(const Vec3& v);
/// Adds size, spacing_mm, origin and direction (rows of the matrix whose column j is axis j), LPS.
void add_grid(Json& json, const Grid& grid);
Json json_of(const SeriesInfo& info);
Json candidates_json(const std::vector<SeriesCandidate>& candidates);
void add_if(Json& json, const char* key, const std::optional<double>& value);

} // namespace cordlesion::report
