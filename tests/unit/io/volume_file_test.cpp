// NIfTI files made by the test: what is read, and what is refused.
#include "volume_bytes.hpp"

#include <cmath>
#include <limits>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

NiftiFile sagittal() {
  return {8, 20, 24};
}

using cordlesion::io::test::loaded;

LoadedCase loaded(const NiftiFile& file) {
  return loaded("image.nii", file.bytes());
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
