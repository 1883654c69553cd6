// What the header of a NIfTI file says, in one form for NIfTI-1 and NIfTI-2 and either byte order.
#pragma once

#include "cordlesion/core/geometry.hpp"
#include "cordlesion/io/case_loader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace cordlesion::io {

class ByteSource;

struct NiftiHeader {
  bool swapped = false;              ///< the file's byte order is not this machine's
  std::size_t header_bytes = 0;      ///< 348 or 540
  std::array<std::int64_t, 8> dim{}; ///< checked: all positive, no components; dim[4] volumes
  std::array<double, 8> pixdim{};
  int datatype = 0;
  int bits_per_voxel = 0;
  double vox_offset = 0;
  double slope = 1; ///< already 1 where the file says 0 or nothing
  double intercept = 0;
  int units = 0;
  int qform_code = 0;
  int sform_code = 0;
  std::array<double, 3> quaternion{};
  std::array<double, 3> offset{};
  std::array<std::array<double, 4>, 3> sform{};
};

/// Reads and checks the header at the beginning of `source`, which stands at the first voxel
/// afterwards. Throws case errors (stage read); sizes are checked before anything is allocated.
NiftiHeader read_nifti_header(ByteSource& source, const std::string& name);

/// The grid in LPS. Throws case errors for spacing or placement that is missing, wrong or
/// contradictory.
Grid grid_of(const NiftiHeader& header, Orientation orientation, const std::string& name);

} // namespace cordlesion::io
