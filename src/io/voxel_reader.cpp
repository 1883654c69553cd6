// Raw voxels of any scalar type, from a file's bytes to float32.
#include "voxel_reader.hpp"

#include "byte_source.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace cordlesion::io {
namespace {

template <typename T>
void convert_voxels(const char* raw, std::size_t count, bool swapped, double slope,
                    double intercept, float* out) {
  const bool scaled = slope != 1.0 || intercept != 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    std::array<char, sizeof(T)> bytes{};
    std::memcpy(bytes.data(), raw + i * sizeof(T), sizeof(T));
    if (swapped) {
      std::reverse(bytes.begin(), bytes.end());
    }
    const T value = std::bit_cast<T>(bytes);
    out[i] = scaled ? static_cast<float>(static_cast<double>(value) * slope + intercept)
                    : static_cast<float>(value);
  }
}

} // namespace

template <typename T> VoxelType voxel_type() {
  return {convert_voxels<T>, sizeof(T)};
}

template VoxelType voxel_type<std::int8_t>();
template VoxelType voxel_type<std::uint8_t>();
template VoxelType voxel_type<std::int16_t>();
template VoxelType voxel_type<std::uint16_t>();
template VoxelType voxel_type<std::int32_t>();
template VoxelType voxel_type<std::uint32_t>();
template VoxelType voxel_type<std::int64_t>();
template VoxelType voxel_type<std::uint64_t>();
template VoxelType voxel_type<float>();
template VoxelType voxel_type<double>();

std::vector<float> read_voxels(ByteSource& source, const VoxelType& type, std::size_t count,
                               const VoxelScaling& scaling) {
  constexpr std::size_t step = std::size_t{1} << 18;
  std::vector<float> voxels(count);
  std::vector<char> raw(std::min(step, count) * type.bytes);
  for (std::size_t done = 0; done < count; done += step) {
    const std::size_t now = std::min(step, count - done);
    source.read(raw.data(), now * type.bytes);
    type.convert(raw.data(), now, scaling.swapped, scaling.slope, scaling.intercept,
                 voxels.data() + done);
  }
  return voxels;
}

} // namespace cordlesion::io
