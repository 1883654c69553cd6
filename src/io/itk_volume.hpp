// Images read with one of ITK's reader classes.
#pragma once

#include "cordlesion/core/volume.hpp"

#include <itkImageIOBase.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>

namespace cordlesion::io {

/// Reads with `io` (never through ITK's factory, which would try them all). The sizes must be those
/// found by our own look at the header. Throws case errors.
Image read_with_itk(itk::ImageIOBase& io, const std::filesystem::path& file,
                    const std::array<std::size_t, 3>& sizes, const std::string& name);

} // namespace cordlesion::io
