// The beginning of a DICOM file, read without a library: is it one, and in which transfer syntax.
#pragma once

#include "cordlesion/core/error.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace cordlesion::io {

/// What the first bytes of a file say.
struct DicomMeta {
  bool preamble = false;       ///< 'DICM' after 128 bytes
  bool plausible = false;      ///< with or without preamble, what follows looks like DICOM
  std::string media_storage;   ///< MediaStorageSOPClassUID; empty if not given
  std::string transfer_syntax; ///< TransferSyntaxUID; empty if not given
};

/// Deflated Explicit VR Little Endian. GDCM cannot stop within such a file if it is small.
bool is_deflated(std::string_view transfer_syntax);

DicomMeta parse_dicom_meta(std::string_view head, std::size_t file_bytes);
DicomMeta read_dicom_meta(const std::filesystem::path& file);

/// True for storage classes that hold no image of slices: reports, plans, segmentations, ...
bool is_not_an_image(std::string_view sop_class);

/// Throws a case error `transfer_syntax_unknown` that names the UID.
void require_known_transfer_syntax(const DicomMeta& meta, const std::string& name);

/// The case error `dicom_unreadable` of a file that could not be parsed.
Error dicom_unreadable(const DicomMeta& meta, const std::string& name);

} // namespace cordlesion::io
