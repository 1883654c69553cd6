// Files that are complete or absent: temporary name, flush, re-read and compare, rename.
#pragma once

#include <filesystem>
#include <string_view>

namespace cordlesion::io {

/// Writes `bytes` to `path` so that a file under that name is always complete. Throws an output
/// error (exit 5) with the system's reason; the temporary file is gone then.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// True for the names that files have before they are complete; a killed run may leave some.
bool is_temporary_name(const std::filesystem::path& path);

} // namespace cordlesion::io
