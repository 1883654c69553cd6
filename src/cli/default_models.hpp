// Where the model package comes from when --models is not given.
#pragma once

#include <filesystem>

namespace cordlesion::cli {

/// The package installed beside the executable, else the source tree's; the path where it was
/// expected if there is none.
std::filesystem::path default_models();

} // namespace cordlesion::cli
