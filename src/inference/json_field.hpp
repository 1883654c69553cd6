// A JSON value that knows where it stands in its file, so that every refusal names the field.
#pragma once

#include <nlohmann/json.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace cordlesion::inference {

/// A cursor into a parsed manifest. Every accessor throws a models error `manifest_invalid` naming
/// the field, what was expected and what was found. Refers to its document, does not own it.
class JsonField {
 public:
  JsonField(const nlohmann::json& value, std::string source, std::string path = {});

  /// The member `key` of an object; refused where it is missing or this is no object.
  JsonField member(const std::string& key) const;
  std::vector<JsonField> elements() const;

  bool flag() const;
  /// A string that is not empty.
  std::string text() const;
  std::int64_t integer(std::int64_t lowest, std::int64_t highest) const;
  double number(double lowest, double highest = std::numeric_limits<double>::infinity()) const;

  [[noreturn]] void refuse(std::string_view expected) const;

 private:
  std::string found() const;

  const nlohmann::json* value_;
  std::string source_;
  std::string path_;
};

} // namespace cordlesion::inference
