// From what the search found to a list of cases.
#pragma once

#include "cordlesion/io/case_loader.hpp"
#include "dicom_listing.hpp"
#include "search_inputs.hpp"

#include <filesystem>
#include <functional>
#include <vector>

namespace cordlesion::io {

/// Says for each DICOM file which study it belongs to.
using Lister = std::function<std::vector<ListedFile>(const std::vector<std::filesystem::path>&)>;

/// Throws usage errors (equal ids) and the no-input error.
FoundCases find_cases(SearchedInputs searched, const Lister& list);

} // namespace cordlesion::io
