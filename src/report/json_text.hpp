// Small helpers to put numbers and texts into JSON safely.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>

namespace cordlesion::report {

using Json = nlohmann::ordered_json;

/// The number itself; throws std::logic_error (naming `what`) unless it is finite.
double finite(double value, std::string_view what);

/// Rounded to `digits` decimals, for values whose further digits mean nothing.
double rounded(double value, int digits);

/// The shortest decimal text that reads back as the same number.
std::string number_text(double value);

/// Pretty-printed UTF-8 text with a final newline; invalid bytes are replaced.
std::string text_of(const Json& json);

Json numbers_of(const std::map<std::string, double>& values, int digits);

} // namespace cordlesion::report
