// NRRD and MetaImage files made by the test: what is read, and what is refused.
#include "volume_bytes.hpp"

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

std::string voxels_int16(std::size_t count) {
  std::vector<std::int16_t> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(static_cast<std::int16_t>(i % 500));
  }
  return raw(values);
}

std::string nrrd(const std::string& encoding, const std::string& data,
                 const std::string& directions = "(-3,0,0) (0,1,0) (0,0,1)") {
  return "NRRD0004\n# comment\ntype: short\ndimension: 3\nspace: left-posterior-superior\n"
         "sizes: 8 20 24\nspace directions: " +
         directions + "\nkinds: domain domain domain\nendian: little\nencoding: " + encoding +
         "\nspace origin: (5,6,7)\n\n" + data;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

std::string metaimage(const std::string& more, const std::string& data_file) {
  return "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n" +
         more +
         "TransformMatrix = -1 0 0 0 1 0 0 0 1\nOffset = 5 6 7\nElementSpacing = 3 1 1\n"
         "DimSize = 8 20 24\nElementType = MET_SHORT\nElementDataFile = " +
         data_file + "\n";
}

void expect_the_volume(const LoadedCase& loaded_case) {
  const Grid& grid = loaded_case.image.grid();
  EXPECT_EQ(grid.size, (Index3{8, 20, 24}));
  EXPECT_EQ(grid.spacing_mm, (Vec3{3, 1, 1}));
  EXPECT_EQ(grid.origin_mm, (Vec3{5, 6, 7}));
  EXPECT_EQ(grid.direction[0], (Vec3{-1, 0, 0}));
  EXPECT_EQ(loaded_case.image.voxels()[499], 499);
}

} // namespace

TEST(NrrdFile, IsReadRawAndCompressed) {
  const std::string data = voxels_int16(8 * 20 * 24);
  const LoadedCase plain = loaded("a.nrrd", nrrd("raw", data));
  expect_the_volume(plain);
  EXPECT_EQ(plain.format, "nrrd");
  expect_the_volume(loaded("a.nrrd", nrrd("gzip", gzipped(data))));
}

TEST(NrrdFile, OfRightAnteriorSuperiorSpaceLiesAtTheSamePlace) {
  const std::string data = voxels_int16(8 * 20 * 24);
  const std::string text = nrrd("raw", data, "(3,0,0) (0,-1,0) (0,0,1)");
  const std::string moved = replaced(text, "(5,6,7)", "(-5,-6,7)");
  for (const char* space : {"right-anterior-superior", "RAS"}) {
    expect_the_volume(loaded("a.nrrd", replaced(moved, "left-posterior-superior", space)));
  }
  expect_the_volume(
      loaded("a.nrrd", replaced(nrrd("raw", data), "left-posterior-superior", "LPS")));
}

TEST(NrrdFile, PlacedInAWayThatIsReadWronglyFails) {
  const std::string text = nrrd("raw", voxels_int16(8 * 20 * 24));
  for (const char* space : {"left-anterior-superior", "LAS", "scanner-xyz", "LPI"}) {
    EXPECT_EQ(failure_code("a.nrrd", replaced(text, "left-posterior-superior", space)),
              "no_orientation");
  }
  EXPECT_EQ(failure_code("a.nrrd", replaced(text, "(-3,0,0)", "none")), "no_orientation");
  const auto with = [&](const std::string& line) {
    return replaced(text, "kinds:", line + "\nkinds:");
  };
  EXPECT_EQ(failure_code("a.nrrd", with("space units: \"cm\" \"cm\" \"cm\"")), "bad_units");
  EXPECT_EQ(failure_code("a.nrrd", with("Space Units: \"mm\" \"mm\" \"um\"")), "bad_units");
  EXPECT_EQ(failure_code("a.nrrd", with("Endian: big")), "bad_header");
  expect_the_volume(loaded("a.nrrd", with("space units: \"mm\" \"mm\" \"mm\"")));
  expect_the_volume(loaded("a.nrrd", with("endian:=big")));
}

TEST(NrrdFile, WithFaultsFails) {
  const std::string data = voxels_int16(8 * 20 * 24);
  EXPECT_EQ(failure_code("a.nrrd", nrrd("raw", data.substr(2))), "file_truncated");
  EXPECT_EQ(failure_code("a.nrrd", nrrd("raw", data + "xy")), "trailing_data");
  EXPECT_EQ(failure_code("a.nrrd", nrrd("gzip", gzipped(data).substr(0, 300))), "gzip_corrupt");
  EXPECT_EQ(failure_code("a.nrrd", nrrd("ascii", data)), "encoding");
  EXPECT_EQ(failure_code("a.nrrd", nrrd("raw", data, "(-3,0,0) (0,1,0) (0,1,1)")),
            "invalid_direction");
  EXPECT_EQ(failure_code("a.nrrd", "not a nrrd"), "bad_header");
}

TEST(MetaImageFile, IsReadLocalAndDetached) {
  const std::string data = voxels_int16(8 * 20 * 24);
  const LoadedCase local = loaded("a.mha", metaimage("", "LOCAL") + data);
  expect_the_volume(local);
  EXPECT_EQ(local.format, "metaimage");
  CaseLoader loader;
  TempFolder folder;
  for (const char* name : {"./a.raw", "my image.raw"}) {
    write_bytes(folder / "b.mhd", metaimage("", name));
    write_bytes(folder / name, data);
    expect_the_volume(load_only(loader, folder / "b.mhd"));
  }
  write_bytes(folder / "a.mhd", metaimage("", "a.raw"));
  write_bytes(folder / "a.raw", data);
  const LoadedCase detached = load_only(loader, folder / "a.mhd");
  expect_the_volume(detached);
  write_bytes(folder / "a.raw", data.substr(0, 100) + "!!" + data.substr(102));
  EXPECT_NE(load_only(loader, folder / "a.mhd").digest, detached.digest);
}

TEST(MetaImageFile, WithFaultsFails) {
  const std::string data = voxels_int16(8 * 20 * 24);
  EXPECT_EQ(failure_code("a.mha", metaimage("", "LOCAL") + data.substr(2)), "file_truncated");
  EXPECT_EQ(failure_code("a.mha", metaimage("", "LOCAL") + data + "x"), "trailing_data");
  EXPECT_EQ(failure_code("a.mha", metaimage("ElementNumberOfChannels = 3\n", "LOCAL") + data),
            "voxel_type");
  EXPECT_EQ(failure_code("a.mhd", metaimage("", "../a.raw")), "data_file");
  EXPECT_EQ(failure_code("a.mhd", metaimage("", "a%d.raw")), "data_file");
  EXPECT_EQ(failure_code("a.mhd", metaimage("", "/etc/passwd")), "data_file");
  std::string unplaced = metaimage("", "LOCAL") + data;
  unplaced.replace(unplaced.find("TransformMatrix"), 15, "SomethingOther!");
  EXPECT_EQ(failure_code("a.mha", unplaced), "no_orientation");
}

TEST(MetaImageFile, PlacedInAWayThatIsReadWronglyFails) {
  const std::string data = voxels_int16(8 * 20 * 24);
  const auto with = [&](const std::string& line) { return metaimage(line + "\n", "LOCAL") + data; };
  const std::string text = metaimage("", "LOCAL") + data;
  for (const char* key :
       {"Offset", "TransformMatrix", "ElementSpacing", "BinaryDataByteOrderMSB"}) {
    std::string lower = key;
    lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
    EXPECT_EQ(failure_code("a.mha", replaced(text, key, lower)), "bad_header") << key;
  }
  for (const char* line : {"Offset = 9 9 9", "Position = 9 9 9", "Rotation = 1 0 0 0 1 0 0 0 1"}) {
    EXPECT_EQ(failure_code("a.mha", with(line)), "bad_header") << line;
  }
  for (const char* unit : {"cm", "um"}) {
    EXPECT_EQ(failure_code("a.mha", with("DistanceUnits = " + std::string(unit))), "bad_units");
  }
  expect_the_volume(loaded("a.mha", with("DistanceUnits = mm")));
  expect_the_volume(loaded("a.mha", with("ElementSize = 3 1 1")));
}
