// MetaImage files: our own look at the header, then ITK's reader.
#include "described_volume.hpp"
#include "text_header.hpp"
#include "volume_file.hpp"

#include <itkMetaImageIO.h>

#include <cstdint>
#include <map>

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
  const auto found = types.find(header.value("elementtype"));
  if (found == types.end()) {
    throw case_error(Stage::read, "voxel_type", name + ": unknown type of voxels",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  return found->second;
}

/// ITK takes a missing position for 0 and missing directions for axial ones.
void require_placement(const TextHeader& header, const std::string& name) {
  const auto any = [&](std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      if (header.has(key)) {
        return;
      }
    }
    throw case_error(Stage::read, "no_orientation",
                     name + ": '" + *keys.begin() + "' is missing from the header",
                     "convert from the DICOM files again");
  };
  any({"transformmatrix", "rotation", "orientation"});
  any({"offset", "position", "origin"});
  any({"elementspacing", "elementsize"});
}

bool is_true(const std::string& value) {
  return value.starts_with('T') || value.starts_with('t');
}

} // namespace

VolumeFile read_metaimage(const std::filesystem::path& file, const std::string& name) {
  const TextHeader header = read_metaimage_header(file, name);
  require_placement(header, name);
  const auto sizes = require_sizes(header.words("dimsize"), name);
  const std::string channels = header.value("elementnumberofchannels");
  if (!channels.empty() && channels != "1") {
    throw case_error(Stage::read, "voxel_type",
                     name + ": colour or vector voxels, one number per voxel expected",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  if (!is_true(header.value("binarydata")) || header.has("headersize")) {
    throw case_error(Stage::read, "encoding", name + ": voxels not plain binary",
                     "write the image in binary form, without HeaderSize");
  }
  const bool big_endian = is_true(header.value("binarydatabyteordermsb")) ||
                          is_true(header.value("elementbyteordermsb"));
  VoxelBytes voxels{file, header.data_start, is_true(header.value("compresseddata")), big_endian,
                    voxel_type_of(header, name)};
  VolumeFile volume;
  const std::string data_file = header.value("elementdatafile");
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
