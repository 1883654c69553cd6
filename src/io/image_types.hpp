// What the words of ImageType say of a slice.
#pragma once

#include <optional>
#include <string_view>

namespace cordlesion::io {

enum class ImageKind {
  plain,  ///< says nothing against an acquired magnitude image
  lesser, ///< of a Dixon acquisition, the water or opposed-phase image
  other   ///< a localizer, map, projection, picture or part of an image
};

/// Words of DICOM and of MR scanners; none for any other.
std::optional<ImageKind> image_kind(std::string_view word);

/// The word that makes an image type `other`: the whole, or a known one of those that blanks and
/// underscores divide it into. Empty if none does.
std::string_view other_word(std::string_view type);

} // namespace cordlesion::io
