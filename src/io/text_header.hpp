// Headers of text lines, as NRRD and MetaImage files begin with.
#pragma once

#include "cordlesion/core/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cordlesion::io {

struct TextHeader {
  std::map<std::string, std::string> fields; ///< keys of NRRD in lower case
  std::uint64_t data_start = 0;              ///< first byte after the header

  bool has(const std::string& key) const { return fields.contains(key); }
  /// Empty if missing.
  std::string value(const std::string& key) const;
  std::vector<std::string> words(const std::string& key) const;
};

/// "key: value" lines up to an empty line, in letters of any case. Throws a case error `bad_header`
/// if a key is given twice.
TextHeader read_nrrd_header(const std::filesystem::path& file, const std::string& name);
/// "Key = value" lines up to and with ElementDataFile, in the very letters. Throws likewise.
TextHeader read_metaimage_header(const std::filesystem::path& file, const std::string& name);

/// Throws a case error `bad_units` if a unit of length is another; ITK takes all numbers for mm.
void require_millimetres(const std::vector<std::string>& units, const std::string& name);

/// Sizes of a 3-D image from words; throws case errors unless there are three positive ones whose
/// product is within the limit.
std::array<std::size_t, 3> require_sizes(const std::vector<std::string>& words,
                                         const std::string& name);

/// A data file named by a header: a plain file beside it. Throws a case error for anything else.
std::filesystem::path beside(const std::filesystem::path& header, const std::string& data_file,
                             const std::string& name);

} // namespace cordlesion::io
