// What the header of a NIfTI file says; offsets from nifti1.h and nifti2.h of the NIfTI standard.
#include "nifti_header.hpp"

#include "byte_source.hpp"
#include "cordlesion/core/error.hpp"
#include "volume_limits.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

namespace cordlesion::io {
namespace {

constexpr std::size_t nifti1_bytes = 348;
constexpr std::size_t nifti2_bytes = 540;

/// Values at offsets, in the file's byte order.
class Fields {
 public:
  Fields(std::vector<char> bytes, bool swapped) : bytes_(std::move(bytes)), swapped_(swapped) {}

  template <typename T> T at(std::size_t offset) const {
    std::array<char, sizeof(T)> raw{};
    std::memcpy(raw.data(), bytes_.data() + offset, sizeof(T));
    if (swapped_) {
      std::reverse(raw.begin(), raw.end());
    }
    return std::bit_cast<T>(raw);
  }

  template <typename T, std::size_t n, typename Out>
  void array(std::size_t offset, std::array<Out, n>& out) const {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<Out>(at<T>(offset + i * sizeof(T)));
    }
  }

  bool text_is(std::size_t offset, const char* text) const {
    return std::strncmp(bytes_.data() + offset, text, 4) == 0;
  }

 private:
  std::vector<char> bytes_;
  bool swapped_;
};

Error failure(std::string code, const std::string& name, const std::string& what,
              std::string hint = {}) {
  return case_error(Stage::read, std::move(code), name + ": " + what, std::move(hint));
}

Error not_nifti(const std::string& name) {
  return failure("not_nifti", name, "not a NIfTI file (no header of 348 or 540 bytes)",
                 "convert the image to NIfTI, for example with dcm2niix");
}

/// Takes the header's bytes and finds out version and byte order.
std::pair<Fields, NiftiHeader> open_header(ByteSource& source, const std::string& name) {
  std::vector<char> bytes(nifti1_bytes);
  source.read(bytes.data(), bytes.size());
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  NiftiHeader header;
  header.swapped =
      size == __builtin_bswap32(nifti1_bytes) || size == __builtin_bswap32(nifti2_bytes);
  header.header_bytes = header.swapped ? __builtin_bswap32(size) : size;
  if (header.header_bytes != nifti1_bytes && header.header_bytes != nifti2_bytes) {
    throw not_nifti(name);
  }
  bytes.resize(header.header_bytes);
  source.read(bytes.data() + nifti1_bytes, header.header_bytes - nifti1_bytes);
  return {Fields(std::move(bytes), header.swapped), header};
}

void parse_nifti1(const Fields& in, NiftiHeader& header, const std::string& name) {
  if (in.text_is(344, "ni1")) {
    throw failure("nifti_pair", name, "a NIfTI header with its voxels in another file",
                  "convert the pair to one .nii.gz file");
  }
  if (!in.text_is(344, "n+1")) {
    throw failure("no_orientation", name,
                  "an Analyze 7.5 header, which does not say where the voxels lie",
                  "convert from the DICOM files again, to NIfTI");
  }
  in.array<std::int16_t>(40, header.dim);
  in.array<float>(76, header.pixdim);
  header.datatype = in.at<std::int16_t>(70);
  header.bits_per_voxel = in.at<std::int16_t>(72);
  header.vox_offset = in.at<float>(108);
  header.slope = in.at<float>(112);
  header.intercept = in.at<float>(116);
  header.units = in.at<std::uint8_t>(123);
  header.qform_code = in.at<std::int16_t>(252);
  header.sform_code = in.at<std::int16_t>(254);
  in.array<float>(256, header.quaternion);
  in.array<float>(268, header.offset);
  for (std::size_t row = 0; row < 3; ++row) {
    in.array<float>(280 + row * 16, header.sform[row]);
  }
}

void parse_nifti2(const Fields& in, NiftiHeader& header, const std::string& name) {
  if (!in.text_is(4, "n+2")) {
    throw not_nifti(name);
  }
  in.array<std::int64_t>(16, header.dim);
  in.array<double>(104, header.pixdim);
  header.datatype = in.at<std::int16_t>(12);
  header.bits_per_voxel = in.at<std::int16_t>(14);
  header.vox_offset = static_cast<double>(in.at<std::int64_t>(168));
  header.slope = in.at<double>(176);
  header.intercept = in.at<double>(184);
  header.units = in.at<std::int32_t>(500);
  header.qform_code = in.at<std::int32_t>(344);
  header.sform_code = in.at<std::int32_t>(348);
  in.array<double>(352, header.quaternion);
  in.array<double>(376, header.offset);
  for (std::size_t row = 0; row < 3; ++row) {
    in.array<double>(400 + row * 32, header.sform[row]);
  }
}

std::string sizes_text(const NiftiHeader& header) {
  std::string text;
  for (std::size_t axis = 1; axis <= 7 && static_cast<std::int64_t>(axis) <= header.dim[0];
       ++axis) {
    text += (axis > 1 ? " x " : "") + std::to_string(header.dim[axis]);
  }
  return text;
}

void check_sizes(NiftiHeader& header, const std::string& name) {
  if (header.dim[0] < 1 || header.dim[0] > 7) {
    throw failure("bad_dimensions", name,
                  "the header announces " + std::to_string(header.dim[0]) +
                      " dimensions, 1 to 7 expected");
  }
  for (std::size_t axis = 1; axis < 8; ++axis) {
    if (static_cast<std::int64_t>(axis) > header.dim[0]) {
      header.dim[axis] = 1;
    } else if (header.dim[axis] < 1) {
      throw failure("bad_dimensions", name,
                    "a size of the image is not positive: " + sizes_text(header));
    } else if (axis > 4 && header.dim[axis] > 1) {
      throw failure("voxel_type", name,
                    "several numbers per voxel (" + sizes_text(header) + "), one expected",
                    "extract the component to use into a file of its own");
    }
  }
  require_size_within_limit({header.dim[1], header.dim[2], header.dim[3]}, name);
}

void check_data_position(const NiftiHeader& header, const ByteSource& source,
                         const std::string& name) {
  const double first = static_cast<double>(header.header_bytes) + 4;
  if (!(header.vox_offset >= first && header.vox_offset <= 1e9) ||
      header.vox_offset != std::floor(header.vox_offset)) {
    throw failure("bad_vox_offset", name,
                  "the header places the voxels at an impossible offset, " +
                      std::to_string(static_cast<std::int64_t>(first)) + " bytes or more expected");
  }
  const double voxels = static_cast<double>(header.dim[1]) * static_cast<double>(header.dim[2]) *
                        static_cast<double>(header.dim[3]) * static_cast<double>(header.dim[4]);
  const double expected = header.vox_offset + voxels * header.bits_per_voxel / 8;
  // deflate cannot compress to less than about 1/1032 of the length
  const double possible =
      static_cast<double>(source.file_bytes()) * (source.compressed() ? 1040 : 1);
  if (expected > possible) {
    throw failure("file_truncated", name,
                  "the header announces " + std::to_string(static_cast<std::int64_t>(expected)) +
                      " bytes, the file of " + std::to_string(source.file_bytes()) +
                      " bytes cannot hold them",
                  "copy or export the file again");
  }
}

/// Passes over header extensions; they must end where the voxels begin.
void skip_extensions(const NiftiHeader& header, ByteSource& source, const std::string& name) {
  std::array<char, 4> flag{};
  source.read(flag.data(), flag.size());
  auto left = static_cast<std::uint64_t>(header.vox_offset) - header.header_bytes - 4;
  while (flag[0] != 0 && left >= 8) {
    std::array<char, 8> start{};
    source.read(start.data(), start.size());
    std::uint32_t size = 0;
    std::memcpy(&size, start.data(), sizeof size);
    size = header.swapped ? __builtin_bswap32(size) : size;
    if (size < 8 || size > left) {
      throw failure("bad_vox_offset", name, "a header extension reaches into the voxels");
    }
    source.skip(size - 8);
    left -= size;
  }
  source.skip(left);
}

} // namespace

NiftiHeader read_nifti_header(ByteSource& source, const std::string& name) {
  auto [fields, header] = open_header(source, name);
  if (header.header_bytes == nifti1_bytes) {
    parse_nifti1(fields, header, name);
  } else {
    parse_nifti2(fields, header, name);
  }
  if (!std::isfinite(header.slope) || header.slope == 0) { // the standard: no scaling
    header.slope = 1;
    header.intercept = 0;
  } else if (!std::isfinite(header.intercept)) {
    throw failure("bad_scaling", name,
                  "the intensities have a slope (scl_slope) but no finite intercept (scl_inter)",
                  "write the file again with the tool that made it");
  }
  check_sizes(header, name);
  check_data_position(header, source, name);
  skip_extensions(header, source, name);
  return header;
}

} // namespace cordlesion::io
