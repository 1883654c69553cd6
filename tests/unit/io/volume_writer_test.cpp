// What is written is complete, exact and on the right grid, or not there at all.
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/io/volume_writer.hpp"
#include "test_files.hpp"

#include <sys/resource.h>

#include <cmath>
#include <csignal>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

Grid oblique_grid() {
  Grid grid;
  grid.size = {40, 50, 7};
  grid.spacing_mm = {0.68359375, 0.7, 4.4};
  grid.origin_mm = {-123.456, 78.9, 1234.5};
  const double a = 0.3;
  const double b = 0.2;
  grid.direction = {Vec3{std::sin(a) * std::cos(b), std::cos(a) * std::cos(b), std::sin(b)},
                    Vec3{-std::sin(a) * std::sin(b), -std::cos(a) * std::sin(b), std::cos(b)},
                    Vec3{}};
  grid.direction[2] = cross(grid.direction[0], grid.direction[1]);
  return grid;
}

Grid left_handed_grid() {
  Grid grid = oblique_grid();
  for (double& component : grid.direction[2]) {
    component = -component;
  }
  return grid;
}

Mask some_mask(const Grid& grid) {
  std::vector<std::uint8_t> voxels(voxel_count(grid));
  for (std::size_t i = 0; i < voxels.size(); i += 3) {
    voxels[i] = 1;
  }
  return {grid, voxels};
}

/// While it lives, files cannot grow beyond some bytes, as on a full disk.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

} // namespace

TEST(WriteNifti, KeepsVoxelsAndGrid) {
  CaseLoader loader;
  TempFolder folder;
  for (const Grid& grid : {oblique_grid(), left_handed_grid()}) {
    const Mask mask = some_mask(grid);
    EXPECT_LT(write_nifti(folder / "mask.nii.gz", mask), 1e-3);
    const Image back = loader.load_volume(folder / "mask.nii.gz", folder.path());
    EXPECT_LT(max_corner_error_mm(back.grid(), mask.grid()), 1e-3);
    EXPECT_TRUE(std::equal(mask.voxels().begin(), mask.voxels().end(), back.voxels().begin()));
  }
}

/// As cosines are that some programs round to three digits.
TEST(WriteNifti, KeepsAxesThatAreNotQuiteOrthogonal) {
  CaseLoader loader;
  TempFolder folder;
  for (const double lean : {1e-4, 4e-4, 9e-4}) { // at a corner 0.02 to 0.3 mm
    Grid grid = oblique_grid();
    grid.size = {400, 400, 2};
    for (std::size_t c = 0; c < 3; ++c) {
      grid.direction[1][c] += lean * grid.direction[0][c];
    }
    const Mask mask = some_mask(grid);
    EXPECT_LT(write_nifti(folder / "mask.nii.gz", mask), 1e-3);
    const Image back = loader.load_volume(folder / "mask.nii.gz", folder.path());
    EXPECT_LT(max_corner_error_mm(back.grid(), grid), 1e-3);
    EXPECT_TRUE(std::equal(mask.voxels().begin(), mask.voxels().end(), back.voxels().begin()));
  }
}

/// Rotated by `degrees` short of a half turn about a slanted axis: where NIfTI's quaternion is
/// coarse.
Grid nearly_half_turned_grid(double degrees) {
  Grid grid;
  grid.size = {420, 2, 420};
  grid.spacing_mm = {1, 4, 1};
  const double angle = (180 - degrees) * std::acos(-1.0) / 180;
  const Vec3 axis{0.6, 0.64, 0.48};
  for (std::size_t k = 0; k < 3; ++k) {
    Vec3 unit{};
    unit[k] = 1;
    const Vec3 across = cross(axis, unit);
    for (std::size_t c = 0; c < 3; ++c) { // Rodrigues' formula
      grid.direction[k][c] = unit[c] * std::cos(angle) + across[c] * std::sin(angle) +
                             axis[c] * axis[k] * (1 - std::cos(angle));
    }
  }
  return grid;
}

TEST(WriteNifti, IsReadAgainOnGridsNearAHalfTurn) {
  CaseLoader loader;
  TempFolder folder;
  for (int step = 0; step < 12; ++step) {
    const Grid grid = nearly_half_turned_grid(0.011 * step);
    write_nifti(folder / "mask.nii.gz", Mask(grid, std::vector<std::uint8_t>(voxel_count(grid))));
    const Image back = loader.load_volume(folder / "mask.nii.gz", folder.path());
    EXPECT_LT(max_corner_error_mm(back.grid(), grid), 1e-3) << step;
  }
}

TEST(WriteNifti, StoresMasksAsBytesAndImagesAsFloats) {
  CaseLoader loader;
  TempFolder folder;
  std::vector<float> values(voxel_count(oblique_grid()), -1.25F);
  values[3] = 0.125F;
  const Image image(oblique_grid(), values);
  write_nifti(folder / "p.nii.gz", image);
  EXPECT_EQ(loader.load_volume(folder / "p.nii.gz", folder.path()).voxels(), values);
}

TEST(WriteNifti, LeavesNothingBehindOnAFullDisk) {
  TempFolder folder;
  const Mask mask = some_mask(oblique_grid());
  {
    const SmallDisk full(64);
    const Error error = error_from([&] { write_nifti(folder / "mask.nii.gz", mask); });
    EXPECT_EQ(error.exit_code(), ExitCode::output);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(WriteNifti, FailsInAMissingFolder) {
  TempFolder folder;
  const Error error =
      error_from([&] { write_nifti(folder / "missing/mask.nii.gz", some_mask(oblique_grid())); });
  EXPECT_EQ(error.exit_code(), ExitCode::output);
  EXPECT_EQ(std::string(error.what()).find(folder.path().string()), std::string::npos);
}

TEST(WriteFileAtomically, WritesReplacesAndLeavesNoTemporary) {
  TempFolder folder;
  const std::string text(300'000, 'x');
  write_file_atomically(folder / "a.json", "old");
  write_file_atomically(folder / "a.json", text);
  EXPECT_EQ(read_bytes(folder / "a.json"), text);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteFileAtomically, KeepsTheOldFileIfTheDiskIsFull) {
  TempFolder folder;
  write_file_atomically(folder / "a.json", "old");
  {
    const SmallDisk full(1000);
    const Error error =
        error_from([&] { write_file_atomically(folder / "a.json", std::string(5000, 'x')); });
    EXPECT_EQ(error.exit_code(), ExitCode::output);
  }
  EXPECT_EQ(read_bytes(folder / "a.json"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteFileAtomically, FailsInAMissingFolder) {
  TempFolder folder;
  EXPECT_EQ(error_from([&] { write_file_atomically(folder / "no/a", "x"); }).exit_code(),
            ExitCode::output);
}
