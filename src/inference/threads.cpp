// How many threads this process may use: affinity, cgroup quotas and Slurm, whichever is smallest.
#include "cordlesion/inference/runtime.hpp"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

namespace cordlesion::inference {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// The smaller of two limits, where none means unlimited.
std::optional<int> smaller(std::optional<int> a, std::optional<int> b) {
  if (!a || !b) {
    return a ? a : b;
  }
  return std::min(*a, *b);
}

/// Rounded down: a quota that runs out stops all threads until the next period.
std::optional<int> whole_cpus(long quota_us, long period_us) {
  if (quota_us <= 0 || period_us <= 0) {
    return std::nullopt;
  }
  return static_cast<int>(std::clamp(quota_us / period_us, 1L, 1L << 20));
}

/// Limit of one cgroup folder; `max` (v2) and -1 (v1) mean none.
std::optional<int> limit_of(const fs::path& folder) {
  long quota_us = 0;
  long period_us = 0;
  if (std::istringstream(text_of(folder / "cpu.max")) >> quota_us >> period_us) {
    return whole_cpus(quota_us, period_us);
  }
  if (std::istringstream(text_of(folder / "cpu.cfs_quota_us")) >> quota_us &&
      std::istringstream(text_of(folder / "cpu.cfs_period_us")) >> period_us) {
    return whole_cpus(quota_us, period_us);
  }
  return std::nullopt;
}

/// The tightest limit of a cgroup and its ancestors. Inside a container the path may not exist
/// below the mount; the mount itself is then the container's own cgroup.
std::optional<int> limit_along(const fs::path& hierarchy, const fs::path& group) {
  std::optional<int> limit = limit_of(hierarchy);
  fs::path folder = hierarchy;
  for (const fs::path& part : group.relative_path()) {
    folder /= part;
    limit = smaller(limit, limit_of(folder));
  }
  return limit;
}

bool manages_cpu(const std::string& controllers) {
  std::istringstream stream(controllers);
  for (std::string name; std::getline(stream, name, ',');) {
    if (name == "cpu") {
      return true;
    }
  }
  return false;
}

int affinity_cpus() {
  // Large machines need more than the 1024 bits of a cpu_set_t; the kernel says so by failing.
  for (std::size_t cpus = CPU_SETSIZE; cpus <= (std::size_t{1} << 20); cpus *= 2) {
    std::vector<cpu_set_t> set(cpus / CPU_SETSIZE);
    const std::size_t bytes = set.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) {
      return std::max(1, CPU_COUNT_S(bytes, set.data()));
    }
  }
  return 1;
}

std::optional<int> slurm_cpus() {
  const char* const value = std::getenv("SLURM_CPUS_PER_TASK");
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::string_view text(value);
  int cpus = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpus);
  if (error != std::errc{} || end != text.data() + text.size() || cpus < 1) {
    return std::nullopt;
  }
  return cpus;
}

} // namespace

std::optional<int> cgroup_cpu_limit(const fs::path& mount, const std::string& membership) {
  std::optional<int> limit;
  std::istringstream lines(membership);
  // Each line is hierarchy:controllers:path; version 2 is `0::path`.
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) {
      limit = smaller(limit, limit_along(mount, group));
    } else if (manages_cpu(controllers)) {
      limit = smaller(limit, limit_along(mount / controllers, group));
    }
  }
  return limit;
}

int available_threads() {
  std::optional<int> limit = affinity_cpus();
  limit = smaller(limit, cgroup_cpu_limit("/sys/fs/cgroup", text_of("/proc/self/cgroup")));
  return *smaller(limit, slurm_cpus());
}

} // namespace cordlesion::inference
