// The manifest of a model package, read from its JSON text and checked key by key.
#pragma once

#include "cordlesion/inference/model_package.hpp"

#include <string>

namespace cordlesion::inference {

/// The newest manifest schema this version understands.
inline constexpr int newest_schema_version = 1;

/// Parses and validates the text of a manifest.json. Throws a models error that names the field,
/// what was expected and what was found.
/// @param source  how messages call the file, for example `models/untrained/manifest.json`
Manifest parse_manifest(const std::string& text, const std::string& source);

} // namespace cordlesion::inference
