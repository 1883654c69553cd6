// Real images and files that broke other programs; skipped where the shared data are absent.
#include "test_files.hpp"

#include <cmath>
#include <cstdlib>
#include <set>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

/// Largest difference between two images at the same places in space: their axes may be permuted
/// and flipped against each other.
double largest_difference(const Image& a, const Image& b, double scale_of_b = 1) {
  double worst = 0;
  const Grid& grid = a.grid();
  std::size_t i = 0;
  for (std::size_t z = 0; z < grid.size[2]; ++z) {
    for (std::size_t y = 0; y < grid.size[1]; ++y) {
      for (std::size_t x = 0; x < grid.size[0]; ++x, ++i) {
        const Vec3 p = point_of(grid, {double(x), double(y), double(z)});
        std::array<std::size_t, 3> index{};
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const Vec3 d{p[0] - b.grid().origin_mm[0], p[1] - b.grid().origin_mm[1],
                       p[2] - b.grid().origin_mm[2]};
          const double at = dot(d, b.grid().direction[axis]) / b.grid().spacing_mm[axis];
          if (std::abs(at - std::round(at)) > 0.02 || std::round(at) < 0 ||
              std::round(at) >= double(b.grid().size[axis])) {
            return INFINITY; // not on a voxel of b
          }
          index[axis] = static_cast<std::size_t>(std::round(at));
        }
        const std::size_t j =
            (index[2] * b.grid().size[1] + index[1]) * b.grid().size[0] + index[0];
        worst = std::max(worst, std::abs(double(a.voxels()[i]) - scale_of_b * b.voxels()[j]));
      }
    }
  }
  return worst;
}

Image reference(CaseLoader& loader, const fs::path& relative) {
  return loader.load_volume(shared_data() / relative, shared_data());
}

LoadOptions assuming_t2() {
  LoadOptions options;
  options.assume_sagittal_t2 = true;
  return options;
}

constexpr const char* lumbar = "dicom/lspine_study_cc0";
constexpr const char* variants = "dicom/dicom2nifti/generic";

} // namespace

TEST(LumbarStudy, YieldsItsSagittalT2OutOfFourSeries) {
  REQUIRE_SHARED_DATA(lumbar);
  CaseLoader loader;
  const LoadedCase loaded = load_only(loader, shared_data() / lumbar);
  EXPECT_EQ(loaded.image.grid().size, (Index3{512, 512, 11}));
  ASSERT_TRUE(loaded.series.has_value());
  EXPECT_EQ(loaded.series->echo_time_ms, 110);
  EXPECT_NEAR(loaded.series->sagittal_angle_deg, 1.9, 0.1);
  EXPECT_FALSE(loaded.series->contrast_agent); // the header says 'off'
  std::set<std::string> rejected;
  for (const SeriesCandidate& candidate : loaded.candidates) {
    EXPECT_EQ(candidate.accepted, candidate.chosen);
    if (!candidate.accepted) {
      rejected.insert(candidate.reason.substr(0, 30));
    }
  }
  EXPECT_TRUE(rejected.contains("TR 462 ms, TE 25 ms: T1, not T"));
  EXPECT_TRUE(rejected.contains("TR 3320 ms, TE 80 ms, TI 110 m"));
  EXPECT_EQ(loaded.candidates.size(), 8U); // the axial series has five orientations
}

TEST(LumbarStudy, AgreesWithTheReferenceInVoxelsAndSpace) {
  REQUIRE_SHARED_DATA(lumbar);
  CaseLoader loader;
  const LoadedCase loaded = load_only(loader, shared_data() / lumbar);
  const Image expected = reference(loader, "dicom/lspine_study_cc0_ref/6_T2_SAG_signedfix.nii.gz");
  EXPECT_EQ(largest_difference(loaded.image, expected), 0);
  EXPECT_LT(*std::min_element(loaded.image.voxels().begin(), loaded.image.voxels().end()), 0);
}

TEST(CompressedSeries, AreIdenticalToTheirGroundTruths) {
  REQUIRE_SHARED_DATA(variants);
  CaseLoader loader;
  for (const char* folder :
       {"anatomical", "compressed_j2k", "compressed_jpeg", "compressed_jpegls", "compressed_rle"}) {
    const fs::path relative = fs::path(variants) / folder;
    const LoadedCase loaded = load_only(loader, shared_data() / relative / "001", assuming_t2());
    EXPECT_EQ(
        largest_difference(loaded.image, reference(loader, relative / "001_ground_truth.nii.gz")),
        0)
        << folder;
  }
}

TEST(CompressedSeries, MadeWithDicomToolsAreIdenticalToTheirSource) {
  REQUIRE_SHARED_DATA(lumbar);
  CaseLoader loader;
  TempFolder folder;
  const fs::path source = shared_data() / lumbar / "DCMDT";
  for (int i = 0; i <= 10; ++i) {
    const std::string name = (i < 10 ? "D000000" : "D00000") + std::to_string(i);
    fs::create_directories(folder / "raw");
    fs::copy_file(source / name, folder / "raw" / name);
  }
  const Image expected = load_only(loader, folder / "raw").image;
  for (const char* tool : {"dcmcjpeg", "dcmcrle", "gdcmconv --j2k", "gdcmconv --jpegls",
                           "dcmconv +ti", "dcmconv +tb", "dcmconv +td"}) {
    const fs::path target = folder / "packed";
    fs::remove_all(target);
    fs::create_directories(target);
    bool converted = true;
    for (const auto& entry : fs::directory_iterator(folder / "raw")) {
      const std::string command = std::string(tool) + " '" + entry.path().string() + "' '" +
                                  (target / entry.path().filename()).string() + "' 2>/dev/null";
      converted = converted && std::system(command.c_str()) == 0;
    }
    if (!converted) {
      continue; // the tool is not installed
    }
    EXPECT_EQ(load_only(loader, target).image.voxels(), expected.voxels()) << tool;
    const fs::path middle = target / "D0000005";
    fs::resize_file(middle, fs::file_size(middle) * 7 / 10);
    const Error error = error_from([&] { load_only(loader, target); });
    EXPECT_NE(std::string(error.what()).find("D0000005"), std::string::npos) << tool;
  }
}

TEST(EnhancedSeries, OfPhilipsAgreesWithItsGroundTruth) {
  const fs::path relative = "dicom/dicom2nifti/philips_enhanced/anatomical";
  REQUIRE_SHARED_DATA(relative);
  CaseLoader loader;
  const LoadedCase loaded = load_only(loader, shared_data() / relative / "001", assuming_t2());
  EXPECT_LT(
      largest_difference(loaded.image, reference(loader, relative / "001_ground_truth.nii.gz")),
      1e-3);
}

TEST(ObliqueSeries, OfHitachiIsRejectedForItsAngle) {
  const fs::path relative = "dicom/dicom2nifti/hitachi/anatomical/001";
  REQUIRE_SHARED_DATA(relative);
  CaseLoader loader;
  const FoundCases found = loader.find({{shared_data() / relative}, {}, {}});
  const auto candidates = loader.describe(found.cases.front(), assuming_t2()).candidates;
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_FALSE(candidates[0].accepted);
  EXPECT_NEAR(candidates[0].info.sagittal_angle_deg, 38.7, 0.2);
  const Image truth =
      reference(loader, "dicom/dicom2nifti/hitachi/anatomical/001_ground_truth.nii.gz");
  EXPECT_LT(std::abs(candidates[0].info.grid.spacing_mm[2] - truth.grid().spacing_mm[2]), 1e-3);
}

TEST(AxialSeries, AreNotChosen) {
  REQUIRE_SHARED_DATA("dicom/axial_t2_spine_jpll");
  CaseLoader loader;
  EXPECT_EQ(error_from([&] {
              load_only(loader, shared_data() / "dicom/axial_t2_spine_jpll", assuming_t2());
            }).code(),
            "no_sagittal_t2");
  EXPECT_EQ(error_from([&] {
              load_only(loader, shared_data() / "nifti/sct_tutorial_t2_ms/t2.nii.gz");
            }).code(),
            "not_sagittal");
}

TEST(OddNifti, IsReadAlikeInEveryForm) {
  const fs::path odd = "nifti/odd_formats";
  REQUIRE_SHARED_DATA(odd);
  CaseLoader loader;
  EXPECT_EQ(largest_difference(reference(loader, odd / "big.nii.gz"),
                               reference(loader, odd / "little.nii.gz")),
            0);
  const Image plain = reference(loader, odd / "avg152T1_LR_nifti.nii");
  EXPECT_EQ(largest_difference(plain, reference(loader, odd / "avg152T1_LR_nifti.nii.gz")), 0);
  EXPECT_LT(largest_difference(plain, reference(loader, odd / "avg152T1_LR_nifti2.nii.gz")), 0.01);
  const Image extended = reference(loader, odd / "with_extension.nii.gz");
  EXPECT_EQ(extended.grid().size, (Index3{161, 191, 151}));
  const Image compressed = reference(loader, "nifti/sct_testing_data/t2/t2.nii.gz");
  EXPECT_EQ(largest_difference(compressed,
                               reference(loader, "nifti/sct_testing_data/t2/t2_uncompressed.nii")),
            0);
}

TEST(BadFiles, NeverEndTheProgram) {
  REQUIRE_SHARED_DATA("bad");
  CaseLoader loader;
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(shared_data() / "bad")) {
    if (!entry.is_regular_file()) {
      continue;
    }
    ++files;
    try {
      for (const CaseInput& input : loader.find({{entry.path()}, {}, {}}).cases) {
        const LoadedCase loaded = loader.load(input, assuming_t2());
        EXPECT_EQ(loaded.image.voxels().size(), voxel_count(loaded.image.grid()));
      }
    } catch (const Error& error) {
      EXPECT_FALSE(std::string(error.what()).empty());
      EXPECT_NE(error.exit_code(), ExitCode::internal_error) << error.what();
      EXPECT_EQ(std::string(error.what()).find(shared_data().string()), std::string::npos);
    }
  }
  EXPECT_GT(files, 100U);
}

TEST(BadFiles, InOneFolderFailTogetherWithoutHarm) {
  REQUIRE_SHARED_DATA("bad");
  CaseLoader loader;
  const FoundCases found = loader.find({{shared_data() / "bad"}, {}, {}});
  EXPECT_FALSE(found.cases.empty());
  for (const CaseInput& input : found.cases) {
    EXPECT_THROW(loader.load(input, {}), Error) << input.case_id;
  }
}
