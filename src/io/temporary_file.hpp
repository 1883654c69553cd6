// A file under a temporary name that becomes the real one only when it is complete.
#pragma once

#include "cordlesion/core/error.hpp"

#include <filesystem>
#include <string>

namespace cordlesion::io {

/// Owns a not yet existing name beside `target`, beginning with a dot. Unless committed, the file
/// is removed in the end.
class TemporaryFile {
 public:
  /// Creates the file. Throws an output error.
  /// @param ending  end of the temporary name, for writers that look at it (".nii.gz")
  TemporaryFile(std::filesystem::path target, const std::string& ending);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Brings the content to the disk. Throws an output error.
  void flush() const;
  /// Renames to the target and brings the folder's entry to the disk. Throws an output error.
  void commit();

  /// "cannot write <folder>/<file>: <what>".
  Error failure(const std::string& what) const;
  /// The same with the system's reason in errno.
  Error system_failure() const;

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
};

} // namespace cordlesion::io
