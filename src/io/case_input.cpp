// Case ids: names of files and folders in an alphabet that is safe in paths and tables.
#include "cordlesion/io/case_input.hpp"

#include "cordlesion/core/digest.hpp"

#include <cstddef>

namespace cordlesion::io {
namespace {

/// Leaves room for endings and temporary names within the 255 bytes of a file name.
constexpr std::size_t longest_id = 120;
constexpr std::size_t digest_digits = 8;

bool is_safe(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

} // namespace

std::string safe_case_id(const std::string& name) {
  std::string id;
  for (const char c : name) {
    if (!(id.empty() && c == '.')) {
      id += is_safe(c) ? c : '_';
    }
  }
  if (id.empty()) {
    return "case";
  }
  if (id.size() > longest_id) {
    id = id.substr(0, longest_id - digest_digits - 1) + "-" +
         sha256_of_text(name).substr(0, digest_digits);
  }
  return id;
}

} // namespace cordlesion::io
