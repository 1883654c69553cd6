// Which study each DICOM file belongs to, read from as little of each file as possible.
#pragma once

#include "cordlesion/core/error.hpp"

#include <filesystem>
#include <string>

namespace cordlesion::io {

struct ListedFile {
  /// `without_study`: an image that names no study, although others of its folder do.
  enum class Kind { image, not_an_image, without_study, unreadable, crashed, timed_out };
  Kind kind = Kind::unreadable;
  std::string study_uid; ///< never printed; empty if the file does not give it
  std::string assertion; ///< of the library, if that is how it crashed
};

/// Reads a file's header up to the study's UID. Runs in a worker, for the parser may not survive
/// it.
ListedFile list_file(const std::filesystem::path& file);

/// The failure of a file that ended its worker.
Error reader_crashed(Stage stage, const std::string& name, const std::string& assertion);

} // namespace cordlesion::io
