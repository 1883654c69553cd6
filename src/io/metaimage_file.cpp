// MetaImage files: our own look at the header, then ITK's reader.
#include "itk_volume.hpp"
#include "text_header.hpp"
#include "volume_file.hpp"

#include <itkMetaImageIO.h>

#include <map>

namespace cordlesion::io {
namespace {

std::size_t bytes_per_voxel(const std::string& type, const std::string& name) {
  static const std::map<std::string, std::size_t> types{
      {"MET_CHAR", 1},  {"MET_UCHAR", 1}, {"MET_SHORT", 2},     {"MET_USHORT", 2},
      {"MET_INT", 4},   {"MET_UINT", 4},  {"MET_LONG_LONG", 8}, {"MET_ULONG_LONG", 8},
      {"MET_FLOAT", 4}, {"MET_DOUBLE", 8}};
  const auto found = types.find(type);
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
  VoxelBytes voxels{file, header.data_start, 0, is_true(header.value("compresseddata"))};
  voxels.expected =
      sizes[0] * sizes[1] * sizes[2] * bytes_per_voxel(header.value("elementtype"), name);
  VolumeFile volume;
  const std::string data_file = header.value("elementdatafile");
  if (data_file != "LOCAL" && data_file != "Local" && data_file != "local") {
    voxels.file = beside(file, data_file, name);
    voxels.start = 0;
    volume.data_files.push_back(voxels.file);
  }
  require_voxel_bytes(voxels, name);
  auto io = itk::MetaImageIO::New();
  volume.image = read_with_itk(*io, file, sizes, name);
  volume.format = "metaimage";
  return volume;
}

} // namespace cordlesion::io
