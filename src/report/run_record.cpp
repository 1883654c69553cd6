// run.json.
#include "cordlesion/report/run_record.hpp"

#include "cordlesion/core/version.hpp"
#include "model_json.hpp"

namespace cordlesion::report {

std::string to_json(const RunRecord& record) {
  return text_of({{"schema_version", 1},
                  {"tool", {{"name", "cordlesion"}, {"version", version()}, {"commit", commit()}}},
                  {"options", record.options},
                  {"versions", record.versions},
                  {"models", json_of(record.models)},
                  {"device", record.device},
                  {"precision", record.precision},
                  {"threads", record.threads},
                  {"counts", record.counts},
                  {"timing_ms", numbers_of(record.timing_ms, 3)},
                  {"warnings", json_of(record.warnings)},
                  {"interrupted", record.interrupted},
                  {"disclaimer", disclaimer}});
}

} // namespace cordlesion::report
