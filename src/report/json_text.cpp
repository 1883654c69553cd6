// Numbers and texts of JSON files.
#include "json_text.hpp"

#include <cmath>
#include <stdexcept>

namespace cordlesion::report {

double finite(double value, std::string_view what) {
  if (!std::isfinite(value)) {
    throw std::logic_error("not a finite number in a report: " + std::string(what));
  }
  return value;
}

double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

std::string number_text(double value) {
  return value == std::trunc(value) && std::abs(value) < 1e15
             ? std::to_string(static_cast<long long>(value))
             : Json(value).dump();
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json numbers_of(const std::map<std::string, double>& values, int digits) {
  Json json = Json::object();
  for (const auto& [name, value] : values) {
    json[name] = rounded(finite(value, name), digits);
  }
  return json;
}

} // namespace cordlesion::report
