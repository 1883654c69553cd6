// Classifier inputs as the manifest's channel roles describe them.
#include "cordlesion/inference/channels.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

namespace cordlesion::inference {
namespace {

constexpr std::array<std::pair<ChannelRole, std::string_view>, 7> role_names{{
    {ChannelRole::t2, "t2"},
    {ChannelRole::t2_in_mask, "t2_in_mask"},
    {ChannelRole::t2_near_mask, "t2_near_mask"},
    {ChannelRole::t1c, "t1c"},
    {ChannelRole::t1c_in_mask, "t1c_in_mask"},
    {ChannelRole::mask, "mask"},
    {ChannelRole::zero, "zero"},
}};

/// How far from the mask `t2_near_mask` shows the image, in rows and in columns: about a cord's
/// width.
constexpr std::size_t near_pixels = 16;

/// One line of `count` pixels, `stride` apart: 1 where a pixel within near_pixels is not 0.
void dilate_line(const std::uint8_t* source, std::uint8_t* target, std::size_t count,
                 std::size_t stride) {
  std::size_t next_end = 0; // first pixel that no set pixel has reached yet
  for (std::size_t i = 0; i < count; ++i) {
    if (source[i * stride] == 0) {
      continue;
    }
    const std::size_t begin = std::max(next_end, i > near_pixels ? i - near_pixels : 0);
    const std::size_t end = std::min(count, i + near_pixels + 1);
    for (std::size_t k = begin; k < end; ++k) {
      target[k * stride] = 1;
    }
    next_end = end;
  }
}

/// The square of pixels around each pixel of the mask.
std::vector<std::uint8_t> near_mask(const std::uint8_t* mask, std::size_t size) {
  std::vector<std::uint8_t> along_rows(size * size, 0);
  std::vector<std::uint8_t> near(size * size, 0);
  for (std::size_t row = 0; row < size; ++row) {
    dilate_line(mask + row * size, along_rows.data() + row * size, size, 1);
  }
  for (std::size_t column = 0; column < size; ++column) {
    dilate_line(along_rows.data() + column, near.data() + column, size, size);
  }
  return near;
}

void copy_where(const float* image, const std::uint8_t* mask, std::size_t count, float* target) {
  std::transform(image, image + count, mask, target,
                 [](float value, std::uint8_t m) { return m != 0 ? value : 0.0F; });
}

} // namespace

std::string_view to_string(ChannelRole role) {
  return std::find_if(role_names.begin(), role_names.end(),
                      [&](const auto& entry) { return entry.first == role; })
      ->second;
}

std::optional<ChannelRole> channel_role_from_string(std::string_view name) {
  for (const auto& [role, role_name] : role_names) {
    if (role_name == name) {
      return role;
    }
  }
  return std::nullopt;
}

bool is_served(ChannelRole role) {
  return role != ChannelRole::t1c && role != ChannelRole::t1c_in_mask;
}

void fill_channel(ChannelRole role, const NetworkStack<float>& images,
                  const NetworkStack<std::uint8_t>& masks, std::size_t slice, float* target) {
  const std::size_t count = images.slice_size();
  const float* image = images.slice(slice);
  const std::uint8_t* mask = masks.slice(slice);
  switch (role) {
  case ChannelRole::t2:
    std::copy_n(image, count, target);
    return;
  case ChannelRole::mask:
    std::transform(mask, mask + count, target, [](std::uint8_t m) { return m != 0 ? 1.0F : 0.0F; });
    return;
  case ChannelRole::t2_in_mask:
    copy_where(image, mask, count, target);
    return;
  case ChannelRole::t2_near_mask:
    copy_where(image, near_mask(mask, images.size).data(), count, target);
    return;
  case ChannelRole::zero:
    std::fill_n(target, count, 0.0F);
    return;
  case ChannelRole::t1c:
  case ChannelRole::t1c_in_mask:
    break;
  }
  throw std::invalid_argument("channel role not served: " + std::string(to_string(role)));
}

} // namespace cordlesion::inference
