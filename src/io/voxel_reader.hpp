// Raw voxels of any scalar type, from a file's bytes to float32.
#pragma once

#include <cstddef>
#include <vector>

namespace cordlesion::io {

class ByteSource;

/// How one voxel lies in the file.
struct VoxelType {
  using Converter = void (*)(const char* raw, std::size_t count, bool swapped, double slope,
                             double intercept, float* out);
  Converter convert = nullptr;
  std::size_t bytes = 0;
};

/// The type of voxels stored as T; instantiated for the integers of 8 to 64 bits, float and double.
template <typename T> VoxelType voxel_type();

struct VoxelScaling {
  bool swapped = false; ///< the file's byte order is not this machine's
  double slope = 1;
  double intercept = 0;
};

/// Reads `count` voxels from where the source stands.
std::vector<float> read_voxels(ByteSource& source, const VoxelType& type, std::size_t count,
                               const VoxelScaling& scaling);

} // namespace cordlesion::io
