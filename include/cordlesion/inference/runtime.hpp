// Process-wide settings of LibTorch and the allocator, and what they turned out to be.
#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <string>

namespace cordlesion::inference {

/// Sets LibTorch's threads (inter-op 1) and keeps glibc from unmapping large tensors, which would
/// cost more page faults than the convolutions take. Call once, before any network is loaded.
void configure_runtime(int threads);

/// Threads this process may use: the smallest of CPU affinity, the cgroup's quota and
/// SLURM_CPUS_PER_TASK; at least 1.
int available_threads();

/// Whole CPUs that the quotas of a process' cgroups allow (rounded down, at least 1); none without
/// a quota. Understands cgroup v2 (`cpu.max`) and v1 (`cpu.cfs_quota_us`).
/// @param mount       where the hierarchies are mounted, usually `/sys/fs/cgroup`
/// @param membership  the text of `/proc/self/cgroup`
std::optional<int> cgroup_cpu_limit(const std::filesystem::path& mount,
                                    const std::string& membership);

/// Whether bf16 pays on a CPU. `fast`: AMX, or AVX512_BF16 of AMD. `slow`: it works, but fp32 is
/// faster: by way of fp32 on AVX-512, and on Intel's CPUs whose AMX is not there, as in some
/// virtual machines; their AVX512_BF16 multiplies were measured at half the speed of fp32 ones.
enum class Bf16Support { none, slow, fast };

/// @param cpuinfo  the text of `/proc/cpuinfo`
Bf16Support bf16_support(std::istream& cpuinfo, bool use_amx = true);

/// Of this CPU, as far as ONEDNN_MAX_CPU_ISA lets oneDNN use it.
Bf16Support cpu_bf16();

std::string torch_version();
/// What compiles networks: `oneDNN` with its version; `none` in a build without it.
std::string plan_engine();
/// For example `AVX512`; what LibTorch dispatches to on this CPU.
std::string cpu_capability();
/// True if the BLAS library behind LibTorch is the reference one, which makes classifiers many
/// times slower.
bool uses_reference_blas();

} // namespace cordlesion::inference
