// Makes the threads of LibTorch sleep rather than spin while they wait for each other, unless the
// user has set OMP_WAIT_POLICY. On a machine that is busy with other work, spinning threads take
// the processor from those that they wait for: starting took 135 s instead of 11 s beside one busy
// process. OpenMP reads the variable once, when its library is set up, so the program is started
// anew; here, before any library is set up, as that takes LibTorch half a second.
//
// Nothing of the C library but its system calls may be used here, and sanitizers need to be first.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CORDLESION_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CORDLESION_SANITIZED
#endif
#if defined(__linux__) && !defined(CORDLESION_SANITIZED)

#include <alloca.h>
#include <elf.h>
#include <link.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <string_view>

namespace {

constexpr std::string_view policy = "OMP_WAIT_POLICY=";
char sleeping[] = "OMP_WAIT_POLICY=passive";
/// About ten microseconds of spinning first: on an idle machine the others are done by then.
char spinning_before[] = "GOMP_SPINCOUNT=5000";

/// Only these commands run networks.
bool runs_networks(char** arguments) {
  for (char** argument = arguments; *argument != nullptr; ++argument) {
    const std::string_view word(*argument);
    if (word == "predict" || word == "models") {
      return true;
    }
  }
  return false;
}

bool starts_with(const char* text, std::string_view beginning) {
  std::size_t i = 0;
  while (i < beginning.size() && text[i] == beginning[i]) {
    ++i;
  }
  return i == beginning.size();
}

/// False where the program was given to the loader to run, which cannot be repeated: then the
/// kernel has loaded no loader beside it.
bool has_own_loader(char** behind_environment) {
  for (auto* entry = reinterpret_cast<ElfW(auxv_t)*>(behind_environment); entry->a_type != AT_NULL;
       ++entry) {
    if (entry->a_type == AT_BASE) {
      return entry->a_un.a_val != 0;
    }
  }
  return false;
}

/// Returns only if there is nothing to do or it fails; then the threads spin, which is slower.
void let_threads_sleep(int /*argc*/, char** argv, char** environment) {
  if (!runs_networks(argv)) {
    return;
  }
  std::size_t count = 0;
  bool spins_given = false;
  for (; environment[count] != nullptr; ++count) {
    if (starts_with(environment[count], policy)) {
      return;
    }
    spins_given = spins_given || starts_with(environment[count], "GOMP_SPINCOUNT=");
  }
  if (!has_own_loader(environment + count + 1)) {
    return;
  }
  auto** const changed = static_cast<char**>(alloca((count + 3) * sizeof(char*)));
  for (std::size_t i = 0; i < count; ++i) {
    changed[i] = environment[i];
  }
  changed[count++] = sleeping;
  if (!spins_given) {
    changed[count++] = spinning_before;
  }
  changed[count] = nullptr;
  char program[PATH_MAX]; // NOLINT: no allocator yet
  const long length = syscall(SYS_readlink, "/proc/self/exe", program, sizeof program - 1);
  if (length > 0) {
    program[length] = '\0';
    syscall(SYS_execve, program, argv, changed);
  }
}

} // namespace

/// What the loader calls before the set-up of the libraries.
__attribute__((section(".preinit_array"),
               used)) static void (*const before_libraries)(int, char**,
                                                            char**) = let_threads_sleep;

#endif
