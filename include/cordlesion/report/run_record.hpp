// run.json: what was run, with what, and how it went.
#pragma once

#include "cordlesion/report/case_report.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace cordlesion::report {

struct RunRecord {
  std::map<std::string, std::string> options;  ///< as given or defaulted, free of absolute paths
  std::map<std::string, std::string> versions; ///< libtorch, itk, cpu_capability, ...
  ModelRecord models;
  std::string device;
  std::string precision;
  int threads = 1;
  std::map<std::string, std::size_t> counts; ///< cases, ok, no_lesion, failed, resumed
  std::map<std::string, double> timing_ms;
  std::vector<Warning> warnings;
  bool interrupted = false;
};

std::string to_json(const RunRecord& record);

} // namespace cordlesion::report
