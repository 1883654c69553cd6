// What a report says of the mask beside it, to see whether they still belong together.
#include "cordlesion/report/mask_record.hpp"

#include "json_text.hpp"

namespace cordlesion::report {
namespace {

/// As add_grid writes it.
Grid grid_of(const Json& json) {
  Grid grid;
  json.at("size").get_to(grid.size);
  json.at("spacing_mm").get_to(grid.spacing_mm);
  json.at("origin").get_to(grid.origin_mm);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      json.at("direction").at(row).at(axis).get_to(grid.direction[axis][row]);
    }
  }
  return grid;
}

} // namespace

std::optional<MaskRecord> mask_record_of(const std::string& report_json) {
  try {
    const Json report = Json::parse(report_json);
    const Json& segmentation = report.at("segmentation");
    return MaskRecord{.grid = grid_of(report.at("input")),
                      .voxels = segmentation.at("voxels").get<std::size_t>(),
                      .of_network = segmentation.at("source") == "network"};
  } catch (const Json::exception&) { // failed, damaged, or something else's
    return std::nullopt;
  }
}

} // namespace cordlesion::report
