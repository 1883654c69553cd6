// Names of files in messages.
#pragma once

#include "text_encoding.hpp"

#include <filesystem>
#include <string>

namespace cordlesion::io {

/// A file's path relative to `root` as valid UTF-8; its bare name if it lies elsewhere, so that no
/// message holds an absolute path.
inline std::string relative_name(const std::filesystem::path& file,
                                 const std::filesystem::path& root) {
  const std::filesystem::path relative = file.lexically_relative(root);
  const bool inside = !relative.empty() && relative != "." && *relative.begin() != "..";
  return to_utf8((inside ? relative : file.filename()).string());
}

} // namespace cordlesion::io
