// Reading of whole text files.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace cordlesion::app {

/// The bytes of a file; empty if it is not there or cannot be read.
inline std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return file ? std::string(std::istreambuf_iterator<char>(file), {}) : std::string();
}

} // namespace cordlesion::app
