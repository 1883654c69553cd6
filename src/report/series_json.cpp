// Grids and series as JSON.
#include "series_json.hpp"

namespace cordlesion::report {
namespace {

/// Rows of the 3x3 matrix whose column j is the direction of voxel axis j.
Json direction_json(const Grid& grid) {
  Json rows = Json::array();
  for (std::size_t k = 0; k < 3; ++k) {
    rows.push_back({grid.direction[0][k], grid.direction[1][k], grid.direction[2][k]});
  }
  return rows;
}

} // namespace

Json json_of(const Vec3& v) {
  return Json::array({finite(v[0], "x"), finite(v[1], "y"), finite(v[2], "z")});
}

void add_grid(Json& json, const Grid& grid) {
  json["size"] = grid.size;
  json["spacing_mm"] = json_of(grid.spacing_mm);
  json["origin"] = json_of(grid.origin_mm);
  json["direction"] = direction_json(grid);
}

void add_if(Json& json, const char* key, const std::optional<double>& value) {
  if (value) {
    json[key] = finite(*value, key);
  }
}

Json json_of(const SeriesInfo& info) {
  Json json{{"uid_digest", info.uid_digest}, {"modality", info.modality}};
  if (!info.description.empty()) {
    json["description"] = info.description;
  }
  json["image_type"] = info.image_type;
  json["scanning_sequence"] = info.scanning_sequence;
  json["sequence_variant"] = info.sequence_variant;
  add_if(json, "repetition_time_ms", info.repetition_time_ms);
  add_if(json, "echo_time_ms", info.echo_time_ms);
  add_if(json, "inversion_time_ms", info.inversion_time_ms);
  add_if(json, "b_value", info.b_value);
  json["contrast_agent"] = info.contrast_agent;
  json["weighting"] = info.weighting;
  json["transfer_syntax"] = info.transfer_syntax;
  json["files"] = info.files;
  if (info.readable) {
    add_grid(json, info.grid);
    json["sagittal_angle_deg"] = rounded(finite(info.sagittal_angle_deg, "angle"), 3);
  }
  return json;
}

Json candidates_json(const std::vector<SeriesCandidate>& candidates) {
  Json list = Json::array();
  for (const SeriesCandidate& candidate : candidates) {
    Json json{{"accepted", candidate.accepted},
              {"chosen", candidate.chosen},
              {"reason", candidate.reason},
              {"score", finite(candidate.score, "score")}};
    json.update(json_of(candidate.info));
    list.push_back(json);
  }
  return list;
}

} // namespace cordlesion::report
