// Process-wide settings of LibTorch and the allocator, and what they turned out to be.
#include "cordlesion/inference/runtime.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/version.h>

#ifdef CORDLESION_ONEDNN
#include <dnnl.hpp>
#endif

#include <dlfcn.h>
#include <malloc.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

namespace cordlesion::inference {
namespace {

/// Tensors of a full-resolution slice have tens of megabytes. glibc would map and unmap each one,
/// and faulting their pages in again took as long as the convolutions.
void keep_large_allocations() {
#ifdef __GLIBC__
  constexpr int kept_bytes = std::numeric_limits<int>::max();
  constexpr int heap_growth_bytes = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, kept_bytes);
  mallopt(M_TRIM_THRESHOLD, kept_bytes);
  mallopt(M_TOP_PAD, heap_growth_bytes);
#endif
}

/// OpenBLAS has its own thread pool, which LibTorch does not know.
void set_blas_threads(int threads) {
  void* const symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (symbol != nullptr) {
    reinterpret_cast<void (*)(int)>(symbol)(threads);
  }
}

/// LibTorch takes this setting once, before its first parallel work.
void set_interop_threads() {
  try {
    at::set_num_interop_threads(1);
  } catch (const c10::Error&) {
    // Already running: the networks never use inter-op parallelism, so nothing is lost.
  }
}

/// The file that the process takes a symbol from, links resolved; empty if there is none.
std::string library_of(const char* symbol) {
  void* const address = dlsym(RTLD_DEFAULT, symbol);
  Dl_info info{};
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fname == nullptr) {
    return {};
  }
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(info.dli_fname, error);
  return error ? std::string(info.dli_fname) : resolved.string();
}

} // namespace

void configure_runtime(int threads) {
  keep_large_allocations();
  set_interop_threads();
  at::set_num_threads(threads);
  set_blas_threads(threads);
  // The profiling executor specialises a network during its first runs, so that the same input
  // may give other last bits later, and every new batch size pays again.
  torch::jit::getExecutorMode() = false;
  torch::jit::getProfilingMode() = false;
  at::globalContext().setAllowTF32CuDNN(false); // fp32 means fp32
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
}

std::string torch_version() {
  return TORCH_VERSION;
}

std::string cpu_capability() {
  // The one place where both LibTorch 1.13 and 2.x say it.
  const std::string config = at::show_config();
  constexpr std::string_view label = "CPU capability usage: ";
  const std::size_t start = config.find(label);
  if (start == std::string::npos) {
    return "unknown";
  }
  const std::size_t value = start + label.size();
  return config.substr(value, config.find('\n', value) - value);
}

Bf16Support bf16_support(std::istream& cpuinfo, bool use_amx) {
  std::string vendor;
  std::set<std::string> flags;
  for (std::string line; flags.empty() && std::getline(cpuinfo, line);) {
    std::istringstream words(line);
    std::string field;
    std::string colon;
    words >> field >> colon;
    if (field == "vendor_id") {
      words >> vendor;
    } else if (field == "flags") {
      flags = {std::istream_iterator<std::string>(words), {}};
    }
  }
  const bool amx = use_amx && flags.count("amx_bf16") > 0;
  const bool amd = vendor == "AuthenticAMD" && flags.count("avx512_bf16") > 0;
  if (amx || amd) {
    return Bf16Support::fast;
  }
  return flags.count("avx512bw") > 0 ? Bf16Support::slow : Bf16Support::none;
}

Bf16Support cpu_bf16() {
  std::ifstream cpuinfo("/proc/cpuinfo");
#ifdef CORDLESION_ONEDNN
  switch (dnnl::get_effective_cpu_isa()) {
  case dnnl::cpu_isa::avx512_core_amx:
    return bf16_support(cpuinfo);
  case dnnl::cpu_isa::avx512_core_bf16:
    return bf16_support(cpuinfo, false);
  case dnnl::cpu_isa::avx512_core:
  case dnnl::cpu_isa::avx512_core_vnni:
    return Bf16Support::slow;
  default:
    return Bf16Support::none;
  }
#else
  return bf16_support(cpuinfo);
#endif
}

bool uses_reference_blas() {
  const std::string library = library_of("sgemm_");
  if (library.empty()) {
    return false; // linked into LibTorch, as upstream does with MKL
  }
  constexpr std::array<std::string_view, 6> fast{"openblas", "mkl",   "blis",
                                                 "atlas",    "armpl", "torch"};
  for (const std::string_view name : fast) {
    if (library.find(name) != std::string::npos) {
      return false;
    }
  }
  return true;
}

} // namespace cordlesion::inference
