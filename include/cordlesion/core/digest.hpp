// SHA-256 digests of files and bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace cordlesion {

/// Incremental SHA-256 (FIPS 180-4).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* data, std::size_t bytes);
  /// Adds a file's content. Throws a case error (stage read) if it cannot be read.
  void update_file(const std::filesystem::path& path);
  /// 64 lower-case hexadecimal digits; the object must not be used afterwards.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_of_file(const std::filesystem::path& path);
std::string sha256_of_text(const std::string& text);

} // namespace cordlesion
