// Files that are complete or absent: temporary name, flush, re-read and compare, rename.
#pragma once

#include <filesystem>
#include <string_view>

namespace cordlesion::io {

/// The lock in an output folder: there from the first moment of a run, it stays as its mark.
inline constexpr std::string_view lock_file_name = ".cordlesion.lock";

/// Writes `bytes` to `path` so that a file under that name is always complete. Throws an output
/// error (exit 5) with the system's reason; the temporary file is gone then.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// True for the names that files have before they are complete; a killed run may leave some.
bool is_temporary_name(const std::filesystem::path& path);

} // namespace cordlesion::io
