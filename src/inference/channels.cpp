// Classifier inputs as the manifest's channel roles describe them.
#include "cordlesion/inference/channels.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace cordlesion::inference {
namespace {

constexpr std::array<std::pair<ChannelRole, std::string_view>, 6> role_names{{
    {ChannelRole::t2, "t2"},
    {ChannelRole::t2_in_mask, "t2_in_mask"},
    {ChannelRole::t1c, "t1c"},
    {ChannelRole::t1c_in_mask, "t1c_in_mask"},
    {ChannelRole::mask, "mask"},
    {ChannelRole::zero, "zero"},
}};

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
    std::transform(image, image + count, mask, target,
                   [](float value, std::uint8_t m) { return m != 0 ? value : 0.0F; });
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
