// NRRD files: our own look at the header, then ITK's reader.
#include "itk_volume.hpp"
#include "text_header.hpp"
#include "volume_file.hpp"

#include <itkNrrdImageIO.h>

#include <map>

namespace cordlesion::io {
namespace {

std::size_t bytes_per_voxel(const std::string& type, const std::string& name) {
  static const std::map<std::string, std::size_t> types{
      {"signed char", 1},   {"int8", 1},   {"int8_t", 1},         {"uchar", 1},
      {"unsigned char", 1}, {"uint8", 1},  {"uint8_t", 1},        {"short", 2},
      {"short int", 2},     {"int16", 2},  {"int16_t", 2},        {"signed short", 2},
      {"ushort", 2},        {"uint16", 2}, {"unsigned short", 2}, {"uint16_t", 2},
      {"int", 4},           {"int32", 4},  {"int32_t", 4},        {"signed int", 4},
      {"uint", 4},          {"uint32", 4}, {"unsigned int", 4},   {"uint32_t", 4},
      {"longlong", 8},      {"int64", 8},  {"int64_t", 8},        {"long long", 8},
      {"ulonglong", 8},     {"uint64", 8}, {"uint64_t", 8},       {"unsigned long long", 8},
      {"float", 4},         {"double", 8}};
  const auto found = types.find(type);
  if (found == types.end()) {
    throw case_error(Stage::read, "voxel_type", name + ": unknown type of voxels",
                     "convert the image to 16-bit integers or 32-bit floats");
  }
  return found->second;
}

/// ITK takes missing directions for axial ones.
void require_placement(const TextHeader& header, const std::string& name) {
  for (const char* key : {"space directions", "space origin"}) {
    if (!header.has(key)) {
      throw case_error(Stage::read, "no_orientation",
                       name + ": '" + key + "' is missing from the header",
                       "convert from the DICOM files again");
    }
  }
  const std::string space = header.value("space");
  static const std::map<std::string, int> known{{"left-posterior-superior", 0}, {"LPS", 0},
                                                {"right-anterior-superior", 0}, {"RAS", 0},
                                                {"left-anterior-superior", 0},  {"LAS", 0}};
  if (!known.contains(space)) {
    throw case_error(Stage::read, "no_orientation",
                     name + ": the header does not name the patient space of the directions",
                     "write the image with space left-posterior-superior");
  }
}

} // namespace

VolumeFile read_nrrd(const std::filesystem::path& file, const std::string& name) {
  const TextHeader header = read_nrrd_header(file, name);
  require_placement(header, name);
  const auto sizes = require_sizes(header.words("sizes"), name);
  const std::string encoding = header.value("encoding");
  const bool gzip = encoding == "gzip" || encoding == "gz";
  if (!gzip && encoding != "raw") {
    throw case_error(Stage::read, "encoding", name + ": voxels neither raw nor gzip",
                     "write the image raw or gzip-compressed");
  }
  VoxelBytes voxels{file, header.data_start, 0, gzip};
  voxels.expected = sizes[0] * sizes[1] * sizes[2] * bytes_per_voxel(header.value("type"), name);
  VolumeFile volume;
  const std::string data_file =
      header.has("data file") ? header.value("data file") : header.value("datafile");
  if (!data_file.empty()) {
    voxels.file = beside(file, data_file, name);
    voxels.start = 0;
    volume.data_files.push_back(voxels.file);
  }
  require_voxel_bytes(voxels, name);
  auto io = itk::NrrdImageIO::New();
  volume.image = read_with_itk(*io, file, sizes, name);
  volume.format = "nrrd";
  return volume;
}

} // namespace cordlesion::io
