// Volume files as bytes: what is read from them, or why they fail.
#pragma once

#include "test_files.hpp"

#include <zlib.h>

#include <string>

namespace cordlesion::io::test {

inline std::string gzipped(const std::string& bytes) {
  std::string out(compressBound(bytes.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// The case that a file of this name and content is.
inline LoadedCase loaded(const std::string& name, const std::string& bytes) {
  CaseLoader loader;
  TempFolder folder;
  write_bytes(folder / name, bytes);
  return load_only(loader, folder / name);
}

inline std::string failure_code(const std::string& name, const std::string& bytes) {
  return error_from([&] { loaded(name, bytes); }).code();
}

} // namespace cordlesion::io::test
