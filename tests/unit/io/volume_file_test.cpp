// NIfTI, NRRD and MetaImage files made by the test: what is read, and what is refused.
#include "test_files.hpp"

#include <zlib.h>

#include <cmath>
#include <limits>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

NiftiFile sagittal() {
  return {8, 20, 24};
}

std::string gzipped(const std::string& bytes) {
  std::string out(compressBound(bytes.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

LoadedCase loaded(const std::string& name, const std::string& bytes) {
  CaseLoader loader;
  TempFolder folder;
  write_bytes(folder / name, bytes);
  return load_only(loader, folder / name);
}

LoadedCase loaded(const NiftiFile& file) {
  return loaded("image.nii", file.bytes());
}

std::string failure_code(const std::string& name, const std::string& bytes) {
  return error_from([&] { loaded(name, bytes); }).code();
}

template <typename T> std::string failure_with(std::size_t offset, T value) {
  NiftiFile file = sagittal();
  file.set(offset, value);
  return failure_code("image.nii", file.bytes());
}

} // namespace

TEST(NiftiFile, IsReadWithItsGrid) {
  const LoadedCase image = loaded(sagittal());
  const Grid& grid = image.image.grid();
  EXPECT_EQ(image.format, "nifti");
  EXPECT_EQ(grid.size, (Index3{8, 20, 24}));
  EXPECT_EQ(grid.spacing_mm, (Vec3{3, 1, 1}));
  EXPECT_EQ(grid.direction[0], (Vec3{-1, 0, 0})); // RAS to LPS
  EXPECT_EQ(image.image.voxels()[999], 999);
  EXPECT_EQ(image.digest.size(), 64U);
}

TEST(NiftiFile, IsReadTheSameCompressed) {
  const LoadedCase plain = loaded(sagittal());
  const std::string bytes = sagittal().bytes();
  EXPECT_EQ(loaded("image.nii.gz", gzipped(bytes)).image.voxels(), plain.image.voxels());
  const std::string two_members = gzipped(bytes.substr(0, 1000)) + gzipped(bytes.substr(1000));
  EXPECT_EQ(loaded("image.nii.gz", two_members).image.voxels(), plain.image.voxels());
}

TEST(NiftiFile, OfWrongLengthFails) {
  const std::string bytes = sagittal().bytes();
  EXPECT_EQ(failure_code("a.nii", bytes.substr(0, 348)), "file_truncated");
  EXPECT_EQ(failure_code("a.nii", bytes.substr(0, 100)), "file_truncated");
  EXPECT_EQ(failure_code("a.nii", bytes.substr(0, bytes.size() - 1)), "file_truncated");
  EXPECT_EQ(failure_code("a.nii", bytes + "x"), "trailing_data");
  EXPECT_EQ(failure_code("a.nii.gz", gzipped(bytes.substr(0, bytes.size() - 1))), "file_truncated");
  EXPECT_EQ(failure_code("a.nii.gz", gzipped(bytes + "x")), "trailing_data");
  EXPECT_EQ(failure_code("a.nii.gz", gzipped(bytes) + "garbage"), "trailing_data");
  EXPECT_EQ(failure_code("bomb.nii.gz", gzipped(bytes + std::string(50'000'000, '\0'))),
            "trailing_data");
}

TEST(NiftiFile, OfCorruptGzipFails) {
  const std::string packed = gzipped(sagittal().bytes());
  EXPECT_EQ(failure_code("a.nii.gz", packed.substr(0, packed.size() - 2)), "gzip_corrupt");
  EXPECT_EQ(failure_code("a.nii.gz", packed.substr(0, packed.size() / 2)), "gzip_corrupt");
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 0x55); // checksum
  EXPECT_EQ(failure_code("a.nii.gz", flipped), "gzip_corrupt");
}

TEST(NiftiFile, WithImpossibleSizesFailsBeforeAllocating) {
  EXPECT_EQ(failure_with<std::int16_t>(42, 0), "bad_dimensions");
  EXPECT_EQ(failure_with<std::int16_t>(42, -5), "bad_dimensions");
  EXPECT_EQ(failure_with<std::int16_t>(40, 9), "bad_dimensions");
  NiftiFile huge(8, 20, 24);
  for (const std::size_t offset : {42, 44, 46}) {
    huge.set<std::int16_t>(offset, 32767);
  }
  EXPECT_EQ(failure_code("a.nii", huge.bytes()), "too_large");
  NiftiFile large(8, 20, 24);
  large.set<std::int16_t>(42, 8000);
  EXPECT_EQ(failure_code("a.nii.gz", gzipped(large.bytes())), "file_truncated");
}

TEST(NiftiFile, WithWrongHeaderFieldsFails) {
  EXPECT_EQ(failure_with<std::int32_t>(0, 347), "not_nifti");
  EXPECT_EQ(failure_with<std::int32_t>(344, 0), "no_orientation"); // Analyze 7.5
  EXPECT_EQ(failure_with<float>(108, 300), "bad_vox_offset");
  EXPECT_EQ(failure_with<float>(108, 353), "file_truncated");
  EXPECT_EQ(failure_with<float>(80, 0), "bad_spacing");
  EXPECT_EQ(failure_with<float>(80, std::nanf("")), "bad_spacing");
  EXPECT_EQ(failure_with<float>(80, -1), "bad_spacing");
  EXPECT_EQ(failure_with<std::int16_t>(70, 128), "voxel_type"); // RGB
  EXPECT_EQ(failure_with<std::int16_t>(70, 32), "voxel_type");  // complex
  EXPECT_EQ(failure_with<std::int16_t>(72, 8), "voxel_type");
  EXPECT_EQ(failure_with<float>(268, 5), "sform_qform_disagree");
  EXPECT_EQ(failure_with<float>(256, 2), "bad_orientation");
}

TEST(NiftiFile, WithoutPlacementFails) {
  NiftiFile file = sagittal();
  file.set<std::int16_t>(252, 0);
  EXPECT_EQ(loaded(file).image.grid().spacing_mm[0], 3);
  file.set<std::int16_t>(254, 0);
  EXPECT_EQ(failure_code("a.nii", file.bytes()), "no_orientation");
  file.set<std::int16_t>(252, 1);
  EXPECT_EQ(loaded(file).image.grid().direction[0], (Vec3{-1, 0, 0}));
}

TEST(NiftiFile, OfFourDimensionsMustHoldOneVolume) {
  NiftiFile file = sagittal();
  file.set<std::int16_t>(40, 4);
  EXPECT_EQ(loaded(file).image.grid().size[2], 24U);
  NiftiFile two(8, 20, 12);
  two.set<std::int16_t>(40, 4);
  two.set<std::int16_t>(48, 2);
  EXPECT_EQ(failure_code("a.nii", two.bytes() + two.voxels), "several_volumes");
}

TEST(NiftiFile, ScalesByItsSlope) {
  NiftiFile file = sagittal();
  file.set<float>(112, 2);
  file.set<float>(116, -3);
  EXPECT_EQ(loaded(file).image.voxels()[10], 17);
  file.set<float>(112, std::nanf(""));
  EXPECT_EQ(loaded(file).image.voxels()[10], 10);
}

TEST(NiftiFile, WithFewNotFiniteVoxelsIsReadWithAWarning) {
  const auto with_nans = [](int count) {
    NiftiFile file = sagittal();
    file.set<std::int16_t>(70, 16);
    file.set<std::int16_t>(72, 32);
    std::vector<float> values(8 * 20 * 24);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(i % 100) - 7;
    }
    for (int i = 0; i < count; ++i) {
      values[static_cast<std::size_t>(i) * 3 + 50] =
          i % 2 == 0 ? std::nanf("") : std::numeric_limits<float>::infinity();
    }
    file.voxels = raw(values);
    return file;
  };
  const LoadedCase few = loaded(with_nans(4));
  EXPECT_TRUE(has_warning(few.warnings, "not_finite"));
  EXPECT_EQ(few.image.voxels()[50], -7);
  EXPECT_EQ(failure_code("a.nii", with_nans(100).bytes()), "not_finite");
}

TEST(NiftiFile, ThatIsNotSagittalOrTooSmallFails) {
  NiftiFile axial(20, 20, 8);
  axial.set<float>(80, 1);
  axial.set<float>(88, 3);
  axial.set<float>(280, 1); // sform: spacing 1, 1, 3
  axial.set<float>(320, 3);
  EXPECT_EQ(failure_code("a.nii", axial.bytes()), "not_sagittal");
  EXPECT_EQ(failure_code("a.nii", NiftiFile(2, 20, 24).bytes()), "too_few_slices");
  EXPECT_EQ(failure_code("a.nii", NiftiFile(8, 15, 24).bytes()), "too_small");
  NiftiFile constant = sagittal();
  constant.voxels.assign(constant.voxels.size(), '\0');
  EXPECT_EQ(failure_code("a.nii", constant.bytes()), "constant_image");
}

TEST(NiftiFile, AsAMaskMayBeEmptyAndOfAnyOrientation) {
  CaseLoader loader;
  TempFolder folder;
  NiftiFile mask(20, 20, 2);
  mask.voxels.assign(mask.voxels.size(), '\0');
  mask.save(folder / "mask.nii");
  EXPECT_EQ(loader.load_volume(folder / "mask.nii", folder.path()).grid().size[2], 2U);
  EXPECT_EQ(error_from([&] { loader.load_volume(folder / "no.nii", folder.path()); }).code(),
            "file_unreadable");
}

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
