// A file's bytes front to back, decompressed where it is gzip, with every fault of the file
// noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace cordlesion::io {

/// How the bytes lie in the file.
enum class Encoding {
  detect, ///< gzip if it begins like it
  plain,
  deflated, ///< gzip or zlib
};

/// Reads a plain or gzip-compressed file. All failures are case errors (stage read) that name the
/// file.
class ByteSource {
 public:
  /// @param name  the file's relative path, for messages
  /// @param start  bytes at the beginning of the file to pass over first, as they lie on disk
  ByteSource(const std::filesystem::path& file, std::string name, std::uint64_t start = 0,
             Encoding encoding = Encoding::detect);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Reads exactly `bytes`; throws `file_truncated` if the file ends before.
  void read(void* target, std::size_t bytes);
  void skip(std::uint64_t bytes);
  /// Throws `trailing_data` unless everything has been read; checks gzip's checksum on the way.
  void require_end();

  bool compressed() const { return compressed_; }
  /// Length on disk from `start` on.
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  struct Inflater;
  std::size_t read_some(char* target, std::size_t bytes);
  std::size_t read_disk(char* target, std::size_t bytes);
  std::size_t inflate_some(char* target, std::size_t bytes);
  bool next_member();

  std::string name_;
  int fd_ = -1;
  bool compressed_ = false;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t delivered_ = 0;
  std::unique_ptr<Inflater> inflater_;
};

} // namespace cordlesion::io
