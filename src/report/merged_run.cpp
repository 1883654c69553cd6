// What shards must have in common, and what their runs amount to together.
#include "cordlesion/report/merged_run.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <utility>

namespace cordlesion::report {
namespace {

using Texts = std::map<std::string, std::string>;

/// May differ between shards without a word: where and how long they ran, not what they computed.
const std::set<std::string> of_no_consequence{"options.shard", "options.fail_fast",
                                              "options.load_timeout_s"};
/// May differ, with a warning: results agree within rounding.
const std::set<std::string> of_little_consequence{"options.device", "options.engine", "device",
                                                  "versions.cpu_capability", "versions.engine"};

Texts facts_of(const RunRecord& run) {
  Texts facts{{"version", run.version + " (" + run.commit + ")"},
              {"models.name", run.models.name},
              {"models.version", run.models.version},
              {"device", run.device},
              {"precision", run.precision}};
  for (const auto& [file, digest] : run.models.sha256) {
    facts["models." + file] = digest;
  }
  for (const auto& [name, value] : run.options) {
    facts["options." + name] = value;
  }
  for (const auto& [name, value] : run.versions) {
    facts["versions." + name] = value;
  }
  return facts;
}

std::string value_in(const Texts& facts, const std::string& name) {
  const auto found = facts.find(name);
  return found == facts.end() ? "not given" : found->second;
}

/// No output holds the path to it.
std::string name_of(const ShardRun& shard) {
  return std::filesystem::path(shard.folder).filename().string();
}

/// "device: cpu in out1, cuda:0 in out2" for each fact that is not that of the first shard.
std::map<std::string, std::string> differing_facts(const std::vector<ShardRun>& shards) {
  std::map<std::string, std::string> differing;
  const Texts first = facts_of(shards.front().run);
  for (const ShardRun& shard : shards) {
    const Texts other = facts_of(shard.run);
    Texts all = first;
    all.insert(other.begin(), other.end());
    for (const auto& [name, value] : all) {
      if (value_in(first, name) != value_in(other, name)) {
        differing.try_emplace(name, name + ": " + value_in(first, name) + " in " +
                                        name_of(shards.front()) + ", " + value_in(other, name) +
                                        " in " + name_of(shard));
      }
    }
  }
  return differing;
}

void require_agreement(const std::map<std::string, std::string>& differing) {
  for (const auto& [name, text] : differing) {
    if (!of_no_consequence.contains(name) && !of_little_consequence.contains(name)) {
      throw usage_error("the shards were not run alike: " + text,
                        "Run one of them again with --resume and what the other was run with: its "
                        "cases are computed anew.");
    }
  }
}

std::pair<std::size_t, std::size_t> parts_of(const std::string& shard) {
  std::pair<std::size_t, std::size_t> parts{1, 1};
  const char* end = shard.data() + shard.size();
  const char* slash = std::find(shard.data(), end, '/');
  std::from_chars(shard.data(), slash, parts.first);
  std::from_chars(std::min(slash + 1, end), end, parts.second);
  return parts;
}

std::string shard_of(const RunRecord& run) {
  const auto found = run.options.find("shard");
  return found == run.options.end() ? "1/1" : found->second;
}

/// Throws if the parts of one division were run on other cases: some had come or gone. With parts
/// given twice, of several cohorts, it cannot be told.
void require_one_cohort(const std::vector<ShardRun>& shards) {
  const RunRecord& first = shards.front().run;
  for (const ShardRun& shard : shards) {
    if (parts_of(shard_of(shard.run)).second != shards.size()) {
      return;
    }
  }
  for (const ShardRun& shard : shards) {
    if (shard.run.cohort_digest != first.cohort_digest) {
      throw usage_error("the shards are parts of different cohorts: cases came or went between " +
                            name_of(shards.front()) + " and " + name_of(shard),
                        "Run predict for each part again with --resume.");
    }
  }
}

void require_all_parts(const std::vector<ShardRun>& shards) {
  std::map<std::size_t, std::set<std::size_t>> given;
  for (const ShardRun& shard : shards) {
    const auto [index, count] = parts_of(shard_of(shard.run));
    given[count].insert(index);
  }
  for (const auto& [count, indices] : given) {
    for (std::size_t index = 1; index <= count; ++index) {
      if (!indices.contains(index)) {
        const std::string missing = std::to_string(index) + "/" + std::to_string(count);
        throw usage_error("shard " + missing + " is missing among the folders to merge",
                          "Give its output folder too, or run predict with --shard " + missing +
                              ".");
      }
    }
  }
}

void add(RunRecord& merged, const ShardRun& shard) {
  merged.counts["resumed"] +=
      shard.run.counts.contains("resumed") ? shard.run.counts.at("resumed") : 0;
  for (const auto& [name, time] : shard.run.timing_ms) {
    merged.timing_ms[name] += time;
  }
  for (const Warning& warning : shard.run.warnings) { // shards search the same input
    const bool known =
        std::any_of(merged.warnings.begin(), merged.warnings.end(), [&](const Warning& other) {
          return other.code == warning.code && other.message == warning.message;
        });
    if (!known) {
      merged.warnings.push_back(warning);
    }
  }
  merged.threads = std::max(merged.threads, shard.run.threads);
  merged.shards.push_back({.folder = name_of(shard),
                           .shard = shard_of(shard.run),
                           .threads = shard.run.threads,
                           .counts = shard.run.counts,
                           .timing_ms = shard.run.timing_ms});
}

} // namespace

RunRecord merged_run(const std::vector<ShardRun>& shards) {
  const auto differing = differing_facts(shards);
  require_agreement(differing);
  require_all_parts(shards);
  require_one_cohort(shards);
  RunRecord merged = shards.front().run;
  merged.counts.clear();
  merged.timing_ms.clear();
  merged.warnings.clear();
  for (const ShardRun& shard : shards) {
    add(merged, shard);
  }
  merged.options["shard"] = "1/1";
  for (const auto& [name, text] : differing) {
    if (of_little_consequence.contains(name)) {
      merged.warnings.push_back({"shards_differ", text});
    }
  }
  return merged;
}

} // namespace cordlesion::report
