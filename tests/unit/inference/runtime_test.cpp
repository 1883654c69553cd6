// Threads that the process may use, and what LibTorch turned out to be.
#include "cordlesion/inference/runtime.hpp"
#include "package_files.hpp"

#include <ATen/Parallel.h>

#include <sched.h>

#include <cstdlib>
#include <sstream>

namespace cordlesion::inference {
namespace {

/// Sets SLURM_CPUS_PER_TASK for one test.
struct SlurmCpus {
  explicit SlurmCpus(const char* value) { setenv("SLURM_CPUS_PER_TASK", value, 1); }
  ~SlurmCpus() { unsetenv("SLURM_CPUS_PER_TASK"); }
};

TEST(Threads, FollowSlurm) {
  const SlurmCpus slurm("1");
  EXPECT_EQ(available_threads(), 1);
}

TEST(Threads, IgnoreSlurmValuesThatAreNoCount) {
  unsetenv("SLURM_CPUS_PER_TASK");
  const int without = available_threads();
  EXPECT_GE(without, 1);
  for (const char* value : {"", "0", "-2", "many", "1x"}) {
    const SlurmCpus slurm(value);
    EXPECT_EQ(available_threads(), without) << value;
  }
}

TEST(Threads, SlurmNeverRaisesTheNumber) {
  unsetenv("SLURM_CPUS_PER_TASK");
  const int without = available_threads();
  const SlurmCpus slurm("100000");
  EXPECT_EQ(available_threads(), without);
}

TEST(Threads, FollowTheAffinity) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_threads(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

Bf16Support support_of(const std::string& vendor, const std::string& flags, bool use_amx = true) {
  std::istringstream cpuinfo("processor\t: 0\nvendor_id\t: " + vendor +
                             "\nmodel name\t: some CPU\nflags\t\t: " + flags +
                             "\nbugs\t\t: amx_bf16\n\nprocessor\t: 1\n");
  return bf16_support(cpuinfo, use_amx);
}

TEST(Bf16, PaysOnAmxAndOnAmd) {
  const std::string avx512 = "fpu avx2 avx512f avx512bw avx512_bf16";
  EXPECT_EQ(support_of("GenuineIntel", avx512 + " amx_tile amx_bf16"), Bf16Support::fast);
  EXPECT_EQ(support_of("AuthenticAMD", avx512), Bf16Support::fast);
}

TEST(Bf16, OfIntelWithoutAmxIsSlowerThanFp32) {
  const std::string avx512 = "fpu avx2 avx512f avx512bw avx512_bf16";
  EXPECT_EQ(support_of("GenuineIntel", avx512), Bf16Support::slow);
  EXPECT_EQ(support_of("GenuineIntel", avx512 + " amx_tile amx_bf16", false), Bf16Support::slow);
  EXPECT_EQ(support_of("GenuineIntel", "fpu avx2 avx512f avx512bw"), Bf16Support::slow);
}

TEST(Bf16, NeedsAvx512) {
  EXPECT_EQ(support_of("GenuineIntel", "fpu avx2"), Bf16Support::none);
  std::istringstream unreadable;
  EXPECT_EQ(bf16_support(unreadable), Bf16Support::none);
}

void write_below(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  write_text(path, text);
}

TEST(CgroupLimit, IsTheTightestOfVersionTwoAndItsAncestors) {
  const TemporaryFolder mount;
  write_below(mount.path() / "slurm/cpu.max", "350000 100000\n");
  write_below(mount.path() / "slurm/job/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), "0::/slurm/job\n"), 3);
  write_below(mount.path() / "slurm/job/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), "0::/slurm/job\n"), 1);
}

TEST(CgroupLimit, UnderstandsVersionOne) {
  const TemporaryFolder mount;
  const auto folder = mount.path() / "cpu,cpuacct/docker/abc";
  write_below(folder / "cpu.cfs_quota_us", "400000\n");
  write_below(folder / "cpu.cfs_period_us", "100000\n");
  const std::string membership = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n";
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), membership), 4);
  write_below(folder / "cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), membership), std::nullopt);
}

TEST(CgroupLimit, UsesTheMountWhereTheContainerSeesNoPath) {
  const TemporaryFolder mount;
  write_below(mount.path() / "cpu.max", "200000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), "0::/outside/of/the/container\n"), 2);
}

TEST(CgroupLimit, IsNoneWithoutQuota) {
  const TemporaryFolder mount;
  write_below(mount.path() / "cpu.max", "garbage");
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), "0::/\n"), std::nullopt);
  EXPECT_EQ(cgroup_cpu_limit(mount.path(), "nonsense"), std::nullopt);
}

TEST(Runtime, SetsTheThreadsOfLibTorchAgainAndAgain) {
  configure_runtime(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  configure_runtime(2);
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_EQ(at::get_num_interop_threads(), 1);
}

TEST(Runtime, SaysWhatItIs) {
  EXPECT_NE(torch_version().find('.'), std::string::npos);
  EXPECT_NE(cpu_capability(), "unknown");
  EXPECT_EQ(cpu_capability().find_first_of(" \n"), std::string::npos);
}

TEST(Runtime, FindsTheBlasThatIsLoaded) {
  std::ifstream maps("/proc/self/maps");
  bool fast = false;
  bool reference = false;
  for (std::string line; std::getline(maps, line);) {
    fast = fast || line.find("openblas") != std::string::npos;
    reference = reference || line.find("/blas/libblas.so") != std::string::npos;
  }
  EXPECT_EQ(uses_reference_blas(), reference && !fast);
}

} // namespace
} // namespace cordlesion::inference
