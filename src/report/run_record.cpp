// run.json, written and read back.
#include "cordlesion/report/run_record.hpp"

#include "model_json.hpp"

namespace cordlesion::report {
namespace {

constexpr int schema_version = 1;

Json json_of(const ShardRecord& shard) {
  return {{"folder", shard.folder},
          {"shard", shard.shard},
          {"threads", shard.threads},
          {"counts", shard.counts},
          {"timing_ms", numbers_of(shard.timing_ms, 3)}};
}

ModelRecord models_of(const Json& json) {
  return {.name = json.at("name"),
          .version = json.at("version"),
          .trained = json.at("trained"),
          .trained_on = json.at("trained_on"),
          .verified = json.at("verified"),
          .sha256 = json.at("sha256")};
}

std::vector<Warning> warnings_of(const Json& json) {
  std::vector<Warning> warnings;
  for (const Json& warning : json) {
    warnings.push_back({warning.at("code"), warning.at("message")});
  }
  return warnings;
}

} // namespace

std::string to_json(const RunRecord& record) {
  Json json{
      {"schema_version", schema_version},
      {"tool", {{"name", "cordlesion"}, {"version", record.version}, {"commit", record.commit}}},
      {"options", record.options},
      {"versions", record.versions},
      {"models", json_of(record.models)},
      {"device", record.device},
      {"precision", record.precision},
      {"threads", record.threads},
      {"counts", record.counts},
      {"case_ids", record.case_ids},
      {"cohort_digest", record.cohort_digest},
      {"timing_ms", numbers_of(record.timing_ms, 3)},
      {"warnings", json_of(record.warnings)},
      {"interrupted", record.interrupted}};
  for (const ShardRecord& shard : record.shards) {
    json["shards"].push_back(json_of(shard));
  }
  json["disclaimer"] = disclaimer;
  return text_of(json);
}

std::optional<RunRecord> run_record_of(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("tool").at("name") != "cordlesion" || json.at("schema_version") != schema_version) {
      return std::nullopt;
    }
    return RunRecord{.version = json.at("tool").at("version"),
                     .commit = json.at("tool").at("commit"),
                     .options = json.at("options"),
                     .versions = json.at("versions"),
                     .models = models_of(json.at("models")),
                     .device = json.at("device"),
                     .precision = json.at("precision"),
                     .threads = json.at("threads"),
                     .counts = json.at("counts"),
                     .case_ids = json.at("case_ids"),
                     .cohort_digest = json.value("cohort_digest", std::string()),
                     .timing_ms = json.at("timing_ms"),
                     .warnings = warnings_of(json.at("warnings")),
                     .interrupted = json.at("interrupted"),
                     .shards = {}};
  } catch (const Json::exception&) { // damaged, or something else's
    return std::nullopt;
  }
}

} // namespace cordlesion::report
