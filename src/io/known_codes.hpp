// The coded words of MR headers that may appear in outputs.
#pragma once

#include <string>
#include <vector>

namespace cordlesion::io {

/// Words that are no code of DICOM or of a scanner, such as a name typed in their place, become
/// `UNLISTED`.
std::string listed_code(const std::string& code);
std::vector<std::string> listed_codes(std::vector<std::string> codes);

} // namespace cordlesion::io
