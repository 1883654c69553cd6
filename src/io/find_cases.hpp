// From the user's inputs to a list of cases.
#pragma once

#include "cordlesion/io/case_loader.hpp"
#include "dicom_listing.hpp"

#include <filesystem>
#include <functional>
#include <vector>

namespace cordlesion::io {

/// Says for each DICOM file which study it belongs to.
using Lister = std::function<std::vector<ListedFile>(const std::vector<std::filesystem::path>&)>;

/// Throws usage errors (missing input, wrong case list, equal ids) and the no-input error.
FoundCases find_cases(const FindRequest& request, const Lister& list);

} // namespace cordlesion::io
