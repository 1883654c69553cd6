// Makes the threads of LibTorch sleep rather than spin while they wait for each other, unless the
// user has set OMP_WAIT_POLICY. On a machine that is busy with other work, spinning threads take
// the processor from those that they wait for: starting took 135 s instead of 11 s beside one busy
// process. OpenMP reads the variable once, when its library is set up, so the program is started
// anew; here, before any library is set up, as that takes LibTorch half a second.
//
// Nothing of the C library but its system calls may be used here, and sanitizers need to be first.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)

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

/// Returns only if there is nothing to do or it fails; then the threads spin, which is slower.
void let_threads_sleep(int /*argc*/, char** argv, char** environment) {
  constexpr std::size_t most = 4096;
  char* changed[most + 3]; // NOLINT: no allocator yet
  std::size_t count = 0;
  bool spins_given = false;
  if (!runs_networks(argv)) {
    return;
  }
  for (; environment[count] != nullptr; ++count) {
    if (count == most || starts_with(environment[count], policy)) {
      return;
    }
    spins_given = spins_given || starts_with(environment[count], "GOMP_SPINCOUNT=");
    changed[count] = environment[count];
  }
  changed[count++] = sleeping;
  if (!spins_given) {
    changed[count++] = spinning_before;
  }
  changed[count] = nullptr;
  char program[PATH_MAX]; // NOLINT: likewise
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
