// One run.json from those of shards.
#pragma once

#include "cordlesion/report/run_record.hpp"

#include <string>
#include <vector>

namespace cordlesion::report {

/// A shard's output folder, as messages show it, and its run.json.
struct ShardRun {
  std::string folder;
  RunRecord run;
};

/// What one run over the cases of all shards would say: times and resumed cases are sums, options
/// and versions those that all share, `shards` says what each contributed. A device or processor
/// that differs becomes a warning. `counts` of cases by status are left to the caller.
/// Throws a usage error if version, models, precision or options that change results differ, or if
/// a part of a division into shards is missing.
RunRecord merged_run(const std::vector<ShardRun>& shards);

} // namespace cordlesion::report
