// The beginning of a DICOM file, read without a library: is it one, and in which transfer syntax.
#include "dicom_meta.hpp"

#include <gdcmTransferSyntax.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace cordlesion::io {
namespace {

constexpr std::size_t preamble_bytes = 132;
constexpr std::size_t head_bytes = 4096;

std::uint16_t u16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) |
                                    static_cast<unsigned char>(bytes[at + 1]) << 8U);
}

std::uint32_t u32(std::string_view bytes, std::size_t at) {
  return u16(bytes, at) | static_cast<std::uint32_t>(u16(bytes, at + 2)) << 16U;
}

bool has_vr(std::string_view bytes, std::size_t at) {
  return std::isupper(static_cast<unsigned char>(bytes[at])) != 0 &&
         std::isupper(static_cast<unsigned char>(bytes[at + 1])) != 0;
}

/// Whether a data set without preamble begins here: group 0002 or 0008, a plausible length.
bool begins_like_dicom(std::string_view head, std::size_t file_bytes) {
  if (head.size() < 8) {
    return false;
  }
  const std::uint16_t group = u16(head, 0);
  const std::uint16_t element = u16(head, 2);
  const bool little = (group == 0x0002 || group == 0x0008) && element < 0x2000;
  const bool big = (group == 0x0200 || group == 0x0800) && (element & 0xFFU) < 0x20;
  if (has_vr(head, 4)) {
    return little || big;
  }
  return little && u32(head, 4) < std::min<std::size_t>(file_bytes, 1024);
}

/// A UID reduced to its alphabet, so that nothing else gets into messages.
std::string uid(std::string_view value) {
  std::string text;
  for (const char c : value.substr(0, 64)) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.') {
      text += c;
    }
  }
  return text;
}

/// Goes through the elements of group 0002, which are always explicit little endian.
void parse_meta_elements(std::string_view bytes, DicomMeta& meta) {
  while (bytes.size() >= 12 && u16(bytes, 0) == 0x0002 && has_vr(bytes, 4)) {
    const bool long_form = bytes.substr(4, 2) == "OB" || bytes.substr(4, 2) == "UN";
    const std::size_t length = long_form ? u32(bytes, 8) : u16(bytes, 6);
    const std::size_t start = long_form ? 12 : 8;
    if (length > bytes.size() - start) {
      return;
    }
    const std::string_view value = bytes.substr(start, length);
    if (u16(bytes, 2) == 0x0002) {
      meta.media_storage = uid(value);
    } else if (u16(bytes, 2) == 0x0010) {
      meta.transfer_syntax = uid(value);
    }
    bytes.remove_prefix(start + length);
  }
}

} // namespace

DicomMeta parse_dicom_meta(std::string_view head, std::size_t file_bytes) {
  DicomMeta meta;
  meta.preamble = head.size() >= preamble_bytes && head.substr(128, 4) == "DICM";
  meta.plausible = meta.preamble || begins_like_dicom(head, file_bytes);
  if (meta.plausible) {
    parse_meta_elements(head.substr(meta.preamble ? preamble_bytes : 0), meta);
  }
  return meta;
}

bool is_deflated(std::string_view transfer_syntax) {
  return transfer_syntax == "1.2.840.10008.1.2.1.99";
}

DicomMeta read_dicom_meta(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return {};
  }
  std::array<char, head_bytes> head{};
  const ssize_t got = ::pread(fd, head.data(), head.size(), 0);
  struct stat info {};
  ::fstat(fd, &info);
  ::close(fd);
  return parse_dicom_meta({head.data(), got > 0 ? static_cast<std::size_t>(got) : 0},
                          static_cast<std::size_t>(info.st_size));
}

bool is_not_an_image(std::string_view sop_class) {
  // DICOM PS3.4 B.5, storage classes, and vendors' own; a trailing dot stands for a family.
  static constexpr std::array<std::string_view, 17> others{
      "1.2.840.10008.1.3.10",         // DICOMDIR
      "1.2.840.10008.5.1.4.1.1.4.2",  // MR spectroscopy
      "1.2.840.10008.5.1.4.1.1.9.",   // waveforms
      "1.2.840.10008.5.1.4.1.1.11.",  // presentation states
      "1.2.840.10008.5.1.4.1.1.30",   // parametric map
      "1.2.840.10008.5.1.4.1.1.66",   // raw data
      "1.2.840.10008.5.1.4.1.1.66.",  // registration, fiducials, segmentation
      "1.2.840.10008.5.1.4.1.1.67",   // real-world value map
      "1.2.840.10008.5.1.4.1.1.88.",  // structured reports
      "1.2.840.10008.5.1.4.1.1.104.", // encapsulated documents
      "1.2.840.10008.5.1.4.1.1.200.", // protocols
      "1.2.840.10008.5.1.4.1.1.481.", // radiotherapy
      "1.2.840.10008.5.1.4.34.",      // radiotherapy instructions
      "1.2.840.10008.5.1.4.38.",      // hanging protocols
      "1.2.840.10008.5.1.4.39.",      // colour palettes
      "1.3.12.2.1107.5.9.1",          // Siemens: CSA non-image
      "1.3.46.670589.11.0.0.12."};    // Philips: series data, spectra, ExamCards
  return std::any_of(others.begin(), others.end(), [&](std::string_view other) {
    return other.ends_with('.') ? sop_class.starts_with(other) : sop_class == other;
  });
}

void require_known_transfer_syntax(const DicomMeta& meta, const std::string& name) {
  if (!meta.transfer_syntax.empty() &&
      gdcm::TransferSyntax::GetTSType(meta.transfer_syntax.c_str()) ==
          gdcm::TransferSyntax::TS_END) {
    throw case_error(Stage::read, "transfer_syntax_unknown",
                     name + ": transfer syntax " + meta.transfer_syntax + " is not known",
                     "convert the file to Explicit VR Little Endian");
  }
}

Error dicom_unreadable(const DicomMeta& meta, const std::string& name) {
  const bool untold = meta.preamble && meta.transfer_syntax.empty();
  return case_error(Stage::read, "dicom_unreadable",
                    name + ": a DICOM header that cannot be parsed" +
                        (untold ? "; it names no transfer syntax" : ""),
                    "export or copy the file again, or take it out of the folder");
}

} // namespace cordlesion::io
