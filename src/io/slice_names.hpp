// How the DICOM slices of a folder are called, to know a file that should be one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace cordlesion::io {

/// The names and sizes of slices of one folder.
class SliceNames {
 public:
  void add(const std::filesystem::path& slice);

  /// Whether a file, packed with gzip or not, is named like at least two of the slices: the same
  /// but for numbers, or, as hashed names are, without extension, of the same length and with
  /// digits, and then of about their size too. Texts, indices and viewers are not.
  bool match(const std::filesystem::path& file) const;

 private:
  struct Sizes {
    std::size_t files = 0;
    std::uintmax_t smallest = 0;
    std::uintmax_t largest = 0;
  };
  std::map<std::string, std::size_t> forms_; ///< files by name, each number a '#'
  std::map<std::size_t, Sizes> bare_names_;  ///< without extension, by the length of the name
};

} // namespace cordlesion::io
