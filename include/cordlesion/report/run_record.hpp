// run.json: what was run, with what, and how it went.
#pragma once

#include "cordlesion/core/version.hpp"
#include "cordlesion/report/case_report.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::report {

/// One run of several whose tables were merged.
struct ShardRecord {
  std::string folder; ///< name of its output folder
  std::string shard;  ///< I/N as asked for
  int threads = 1;
  std::map<std::string, std::size_t> counts;
  std::map<std::string, double> timing_ms;
};

struct RunRecord {
  std::string version{cordlesion::version()};
  std::string commit{cordlesion::commit()};
  std::map<std::string, std::string> options;  ///< as given or defaulted, free of absolute paths
  std::map<std::string, std::string> versions; ///< libtorch, itk, cpu_capability, ...
  ModelRecord models;
  std::string device;
  std::string precision;
  int threads = 1;
  std::map<std::string, std::size_t> counts; ///< cases, ok, no_lesion, failed, resumed
  std::vector<std::string> case_ids; ///< of the run, sorted; OUT may hold cases of earlier runs too
  std::string cohort_digest;         ///< of the names of all cases, before the division into shards
  std::map<std::string, double> timing_ms;
  std::vector<Warning> warnings;
  bool interrupted = false;
  std::vector<ShardRecord> shards; ///< of a merged run only
};

std::string to_json(const RunRecord& record);

/// Reads a run.json back; none if the text is not one.
std::optional<RunRecord> run_record_of(const std::string& json);

} // namespace cordlesion::report
