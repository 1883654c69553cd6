// Version and commit as CMake passes them to this file alone.
#include "cordlesion/core/version.hpp"

namespace cordlesion {

std::string_view version() {
  return CORDLESION_VERSION;
}
std::string_view commit() {
  return CORDLESION_COMMIT;
}

} // namespace cordlesion
