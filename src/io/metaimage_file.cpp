// MetaImage files: our own look at the header, then ITK's reader.
#include "described_volume.hpp"
#include "letter_case.hpp"
#include "text_header.hpp"
#include "volume_file.hpp"

#include <itkMetaImageIO.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>

namespace cordlesion::io {
namespace {

VoxelType voxel_type_of(const TextHeader& header, const std::string& name) {
  static const std::map<std::string, VoxelType> types{
      {"MET_CHAR", voxel_type<std::int8_t>()},
      {"MET_UCHAR", voxel_type<std::uint8_t>()},
      {"MET_SHORT", voxel_type<std::int16_t>()},
      {"MET_USHORT", voxel_type<std::uint16_t>()},
      {"MET_INT", voxel_type<std::int32_t>()},
      {"MET_UINT", voxel_type<std::uint32_t>()},
      {"MET_LONG_LONG", voxel_type<std::int64_t>()},
      {"MET_ULONG_LONG", voxel_type<std::uint64_t>()},
      {"MET_FLOAT", voxel_type<float>()},
      {"MET_DOUBLE", voxel_type<double>()}};
  const auto found = types.find(header.value("ElementType"));
  if (found == types.end()) {
    throw case_error(Stage::read, "voxel_type", name + ": unknown type of voxels",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  return found->second;
}

/// What is obeyed, here or by ITK, which knows these keys in these very letters alone.
constexpr std::array<std::string_view, 18> obeyed{
    "NDims",          "DimSize",       "TransformMatrix",
    "Rotation",       "Orientation",   "Offset",
    "Position",       "Origin",        "ElementSpacing",
    "ElementSize",    "ElementType",   "ElementNumberOfChannels",
    "BinaryData",     "HeaderSize",    "BinaryDataByteOrderMSB",
    "CompressedData", "DistanceUnits", "ElementByteOrderMSB"};

void require_spelling(const TextHeader& header, const std::string& name) {
  for (const auto& [key, value] : header.fields) {
    for (const std::string_view known : obeyed) {
      if (key != known && lower(key) == lower(std::string(known))) {
        throw case_error(Stage::read, "bad_header",
                         name + ": the header says '" + key + "', '" + std::string(known) +
                             "' expected",
                         "write the keys of the header in the letters of the format");
      }
    }
  }
}

/// ITK takes a missing position for 0 and missing directions for axial ones, and of several names
/// for one thing the one that it reads last.
void require_placement(const TextHeader& header, const std::string& name) {
  const auto one_of = [&](std::initializer_list<const char*> keys) {
    const auto given =
        std::count_if(keys.begin(), keys.end(), [&](const char* key) { return header.has(key); });
    if (given != 1) {
      throw case_error(
          Stage::read, given == 0 ? "no_orientation" : "bad_header",
          name + ": '" + *keys.begin() + "' " +
              (given == 0 ? "is missing from the header" : "is given twice, under two names"),
          "convert from the DICOM files again");
    }
  };
  one_of({"TransformMatrix", "Rotation", "Orientation"});
  one_of({"Offset", "Position", "Origin"});
  if (!header.has("ElementSize")) { // which may also stand beside it
    one_of({"ElementSpacing"});
  }
  require_millimetres(header.words("DistanceUnits"), name);
}

bool is_true(const std::string& value) {
  return value.starts_with('T') || value.starts_with('t');
}

} // namespace

VolumeFile read_metaimage(const std::filesystem::path& file, const std::string& name) {
  const TextHeader header = read_metaimage_header(file, name);
  require_spelling(header, name);
  require_placement(header, name);
  const auto sizes = require_sizes(header.words("DimSize"), name);
  const std::string channels = header.value("ElementNumberOfChannels");
  if (!channels.empty() && channels != "1") {
    throw case_error(Stage::read, "voxel_type",
                     name + ": colour or vector voxels, one number per voxel expected",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  if (!is_true(header.value("BinaryData")) || header.has("HeaderSize")) {
    throw case_error(Stage::read, "encoding", name + ": voxels not plain binary",
                     "write the image in binary form, without HeaderSize");
  }
  const bool big_endian = is_true(header.value("BinaryDataByteOrderMSB")) ||
                          is_true(header.value("ElementByteOrderMSB"));
  VoxelBytes voxels{file, header.data_start, is_true(header.value("CompressedData")), big_endian,
                    voxel_type_of(header, name)};
  VolumeFile volume;
  const std::string data_file = header.value("ElementDataFile");
  if (data_file != "LOCAL" && data_file != "Local" && data_file != "local") {
    voxels.file = beside(file, data_file, name);
    voxels.start = 0;
    volume.data_files.push_back(voxels.file);
  }
  auto io = itk::MetaImageIO::New();
  volume.image = read_described(*io, file, voxels, sizes, name);
  volume.format = "metaimage";
  return volume;
}

} // namespace cordlesion::io
