// The model package as reports and run.json show it.
#pragma once

#include "cordlesion/report/case_report.hpp"
#include "json_text.hpp"

namespace cordlesion::report {

inline Json json_of(const ModelRecord& models) {
  return {{"name", models.name},         {"version", models.version},
          {"trained", models.trained},   {"trained_on", models.trained_on},
          {"verified", models.verified}, {"sha256", models.sha256}};
}

inline Json json_of(const std::vector<Warning>& warnings) {
  Json list = Json::array();
  for (const Warning& warning : warnings) {
    list.push_back({{"code", warning.code}, {"message", warning.message}});
  }
  return list;
}

} // namespace cordlesion::report
