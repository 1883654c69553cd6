// Classifier inputs as the manifest's channel roles describe them.
#pragma once

#include "cordlesion/core/preprocess.hpp"
#include "cordlesion/inference/model_package.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace cordlesion::inference {

/// Name of a role in manifests, for example `t2_in_mask`.
std::string_view to_string(ChannelRole role);
std::optional<ChannelRole> channel_role_from_string(std::string_view name);

/// True for the roles that this version can fill; the T1c roles are known but need a second scan.
bool is_served(ChannelRole role);

/// Writes one channel of one slice, `images.slice_size()` floats: the fitted image, the fitted mask
/// as 0 or 1, the image inside the mask or within 16 pixels of it, or zeros. Throws
/// std::invalid_argument for a role that is not served.
void fill_channel(ChannelRole role, const NetworkStack<float>& images,
                  const NetworkStack<std::uint8_t>& masks, std::size_t slice, float* target);

} // namespace cordlesion::inference
