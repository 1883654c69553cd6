// NRRD files: our own look at the header, then ITK's reader.
#include "described_volume.hpp"
#include "text_header.hpp"
#include "volume_file.hpp"

#include <itkNrrdImageIO.h>

#include <cstdint>
#include <map>
#include <set>

namespace cordlesion::io {
namespace {

VoxelType voxel_type_of(const TextHeader& header, const std::string& name) {
  static const std::map<std::string, VoxelType> types = [] {
    std::map<std::string, VoxelType> map;
    const auto add = [&](const VoxelType& type, std::initializer_list<const char*> names) {
      for (const char* alias : names) {
        map[alias] = type;
      }
    };
    add(voxel_type<std::int8_t>(), {"signed char", "int8", "int8_t"});
    add(voxel_type<std::uint8_t>(), {"uchar", "unsigned char", "uint8", "uint8_t"});
    add(voxel_type<std::int16_t>(), {"short", "short int", "signed short", "int16", "int16_t"});
    add(voxel_type<std::uint16_t>(), {"ushort", "unsigned short", "uint16", "uint16_t"});
    add(voxel_type<std::int32_t>(), {"int", "signed int", "int32", "int32_t"});
    add(voxel_type<std::uint32_t>(), {"uint", "unsigned int", "uint32", "uint32_t"});
    add(voxel_type<std::int64_t>(), {"longlong", "long long", "int64", "int64_t"});
    add(voxel_type<std::uint64_t>(), {"ulonglong", "unsigned long long", "uint64", "uint64_t"});
    add(voxel_type<float>(), {"float"});
    add(voxel_type<double>(), {"double"});
    return map;
  }();
  const auto found = types.find(header.value("type"));
  if (found == types.end()) {
    throw case_error(Stage::read, "voxel_type", name + ": unknown type of voxels",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  return found->second;
}

/// ITK takes missing directions for axial ones, makes one up for an axis that has none, and flips
/// the wrong axis of left-anterior-superior.
void require_placement(const TextHeader& header, const std::string& name) {
  for (const char* key : {"space directions", "space origin"}) {
    if (!header.has(key)) {
      throw case_error(Stage::read, "no_orientation",
                       name + ": '" + key + "' is missing from the header",
                       "convert from the DICOM files again");
    }
  }
  if (header.value("space directions").find("none") != std::string::npos) {
    throw case_error(Stage::read, "no_orientation", name + ": an axis without a direction",
                     "extract one 3-D volume");
  }
  static const std::set<std::string> known{"left-posterior-superior", "LPS",
                                           "right-anterior-superior", "RAS"};
  if (!known.contains(header.value("space"))) {
    throw case_error(Stage::read, "no_orientation",
                     name + ": the space of the directions is neither left-posterior-superior nor "
                            "right-anterior-superior",
                     "write the image with space left-posterior-superior");
  }
  require_millimetres(header.words("space units"), name);
}

} // namespace

VolumeFile read_nrrd(const std::filesystem::path& file, const std::string& name) {
  const TextHeader header = read_nrrd_header(file, name);
  require_placement(header, name);
  const auto sizes = require_sizes(header.words("sizes"), name);
  const std::string encoding = header.value("encoding");
  const bool gzip = encoding == "gzip" || encoding == "gz";
  if ((!gzip && encoding != "raw") || header.has("line skip") || header.has("byte skip")) {
    throw case_error(Stage::read, "encoding", name + ": voxels neither plain raw nor gzip",
                     "write the image raw or gzip-compressed");
  }
  VoxelBytes voxels{file, header.data_start, gzip, header.value("endian") == "big",
                    voxel_type_of(header, name)};
  VolumeFile volume;
  const std::string data_file =
      header.has("data file") ? header.value("data file") : header.value("datafile");
  if (!data_file.empty()) {
    voxels.file = beside(file, data_file, name);
    voxels.start = 0;
    volume.data_files.push_back(voxels.file);
  }
  auto io = itk::NrrdImageIO::New();
  volume.image = read_described(*io, file, voxels, sizes, name);
  volume.format = "nrrd";
  return volume;
}

} // namespace cordlesion::io
