// Lookup of the default model package.
#include "default_models.hpp"

#include <array>
#include <system_error>

namespace cordlesion::cli {

namespace fs = std::filesystem;

fs::path default_models() {
  constexpr const char* package = "phantom-1";
  std::error_code unknown;
  const fs::path executable = fs::read_symlink("/proc/self/exe", unknown);
  const std::array folders{executable.parent_path() / "../share/cordlesion/models" / package,
                           fs::path(CORDLESION_SOURCE_MODELS) / package};
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / "manifest.json", unknown)) {
      return folder.lexically_normal();
    }
  }
  return folders.back();
}

} // namespace cordlesion::cli
