// A JSON value that knows where it stands in its file, so that every refusal names the field.
#include "json_field.hpp"

#include "cordlesion/core/error.hpp"

#include <cmath>
#include <sstream>
#include <utility>

namespace cordlesion::inference {
namespace {

std::string range_text(std::string_view kind, double lowest, double highest) {
  std::ostringstream text;
  text << kind;
  if (std::isinf(highest)) {
    text << " of at least " << lowest;
  } else {
    text << " from " << lowest << " to " << highest;
  }
  return text.str();
}

} // namespace

JsonField::JsonField(const nlohmann::json& value, std::string source, std::string path)
    : value_(&value), source_(std::move(source)), path_(std::move(path)) {}

JsonField JsonField::member(const std::string& key) const {
  if (!value_->is_object()) {
    refuse("an object");
  }
  const std::string path = path_.empty() ? key : path_ + "." + key;
  const auto found = value_->find(key);
  if (found == value_->end()) {
    throw models_error("manifest_invalid", source_ + ": field `" + path + "` is missing",
                       "models/README.md lists every field; export the package again.");
  }
  return {*found, source_, path};
}

std::vector<JsonField> JsonField::elements() const {
  if (!value_->is_array()) {
    refuse("a list");
  }
  std::vector<JsonField> fields;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    fields.emplace_back((*value_)[i], source_, path_ + "[" + std::to_string(i) + "]");
  }
  return fields;
}

bool JsonField::flag() const {
  if (!value_->is_boolean()) {
    refuse("true or false");
  }
  return value_->get<bool>();
}

std::string JsonField::text() const {
  if (!value_->is_string() || value_->get_ref<const std::string&>().empty()) {
    refuse("a text that is not empty");
  }
  return value_->get<std::string>();
}

std::int64_t JsonField::integer(std::int64_t lowest, std::int64_t highest) const {
  // As a double first: an unsigned value beyond int64 would wrap around.
  if (!value_->is_number_integer() || value_->get<double>() < static_cast<double>(lowest) ||
      value_->get<double>() > static_cast<double>(highest)) {
    refuse(range_text("a whole number", static_cast<double>(lowest), static_cast<double>(highest)));
  }
  return value_->get<std::int64_t>();
}

double JsonField::number(double lowest, double highest) const {
  if (!value_->is_number() || value_->get<double>() < lowest || value_->get<double>() > highest) {
    refuse(range_text("a number", lowest, highest));
  }
  return value_->get<double>();
}

void JsonField::refuse(std::string_view expected) const {
  const std::string where = path_.empty() ? std::string("the file") : "field `" + path_ + "`";
  throw models_error("manifest_invalid",
                     source_ + ": " + where + ": expected " + std::string(expected) + ", found " +
                         found(),
                     "models/README.md describes every field; export the package again.");
}

std::string JsonField::found() const {
  constexpr std::size_t longest = 60;
  std::string text =
      value_->dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  if (text.size() > longest) {
    text = text.substr(0, longest) + "...";
  }
  return text;
}

} // namespace cordlesion::inference
