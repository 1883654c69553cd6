// Reading and comparing what two reports say of one case.
#include "cordlesion/report/comparison.hpp"

#include "cordlesion/core/cascade.hpp"
#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cordlesion::report {
namespace {

using Kind = Finding::Kind;

/// Collects findings from where a report holds them.
class Findings {
 public:
  explicit Findings(const Json& report) : report_(report) {}

  void add(const std::string& quantity, const std::string& pointer, Kind kind = Kind::exact) {
    const Json::json_pointer place(pointer);
    if (report_.contains(place)) {
      add_value(quantity, report_.at(place), kind);
    }
  }

  void add_probability(Node node) {
    const std::string second(classes_of(node).second);
    const std::string place = "/classification/nodes/" + std::string(to_string(node));
    if (report_.contains(Json::json_pointer(place + "/probabilities"))) {
      add("p_" + second, place + "/probabilities/" + second, Kind::probability);
    } else if (report_.contains(Json::json_pointer(place))) {
      add_value("p_" + second, nullptr, Kind::exact); // not evaluated
    }
  }

  void add_lesions() {
    if (!report_.contains("lesions")) {
      return;
    }
    const std::size_t count = report_["lesions"].size();
    add_value("lesions", count, Kind::exact);
    for (std::size_t i = 0; i < count; ++i) {
      add("lesion " + std::to_string(i + 1) + " volume_mm3",
          "/lesions/" + std::to_string(i) + "/volume_mm3", Kind::volume);
    }
  }

  std::vector<Finding> take() { return std::move(findings_); }

 private:
  void add_value(const std::string& quantity, const Json& value, Kind kind) {
    Finding& finding = findings_.emplace_back(Finding{quantity, "n/a", kind});
    if (value.is_number()) {
      finding.value = value.get<double>();
    } else if (!value.is_null()) {
      finding.value = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }

  const Json& report_;
  std::vector<Finding> findings_;
};

std::string text_of(const Finding& finding) {
  const auto* number = std::get_if<double>(&finding.value);
  return number != nullptr ? number_text(*number) : std::get<std::string>(finding.value);
}

bool agree(const Finding& expected, const Finding& actual, const Tolerances& tolerances) {
  const auto* a = std::get_if<double>(&expected.value);
  const auto* b = std::get_if<double>(&actual.value);
  if (a == nullptr || b == nullptr) {
    return expected.value == actual.value;
  }
  switch (expected.kind) {
  case Kind::volume:
    return within(std::abs(*a - *b), tolerances.volume * std::max(std::abs(*a), std::abs(*b)));
  case Kind::probability:
    return within(std::abs(*a - *b), tolerances.probability);
  case Kind::exact:
    break;
  }
  return *a == *b;
}

std::string allowed_text(Kind kind, const Tolerances& tolerances) {
  switch (kind) {
  case Kind::volume:
    return number_text(100 * tolerances.volume) + " %";
  case Kind::probability:
    return number_text(tolerances.probability);
  case Kind::exact:
    break;
  }
  return "equal";
}

using Row = std::array<std::string, 5>;

Row row_of(const Difference& difference) {
  return {difference.case_id, difference.quantity, difference.expected, difference.actual,
          difference.allowed};
}

} // namespace

bool within(double difference, double tolerance) {
  constexpr double rounding = 1e-12;
  return difference <= tolerance + (tolerance > 0 ? rounding : 0);
}

std::optional<std::vector<Finding>> findings_of(const std::string& report_json) {
  const Json report = Json::parse(report_json, nullptr, false);
  if (!report.is_object()) {
    return std::nullopt;
  }
  Findings findings(report);
  findings.add("status", "/status");
  findings.add("error_code", "/error/code");
  findings.add("label", "/classification/label");
  for (const Node node : all_nodes) {
    findings.add_probability(node);
  }
  findings.add("volume_mm3", "/segmentation/volume_mm3", Kind::volume);
  findings.add_lesions();
  std::vector<Finding> found = findings.take();
  return found.empty() ? std::nullopt : std::optional(std::move(found));
}

std::vector<Difference> differences_of(const std::string& case_id,
                                       const std::vector<Finding>& expected,
                                       const std::vector<Finding>& actual,
                                       const Tolerances& tolerances) {
  std::vector<Difference> differences;
  for (const Finding& finding : expected) {
    const auto found = std::find_if(actual.begin(), actual.end(), [&](const Finding& other) {
      return other.quantity == finding.quantity;
    });
    const bool missing = found == actual.end();
    if (missing || !agree(finding, *found, tolerances)) {
      differences.push_back({case_id, finding.quantity, text_of(finding),
                             missing ? "missing" : text_of(*found),
                             allowed_text(finding.kind, tolerances)});
    }
  }
  return differences;
}

std::string table_of(const std::vector<Difference>& differences) {
  std::vector<Row> rows{{"case_id", "quantity", "expected", "actual", "allowed"}};
  std::transform(differences.begin(), differences.end(), std::back_inserter(rows), row_of);
  std::array<std::size_t, 5> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string table;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      table += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    table += row.back() + '\n';
  }
  return table;
}

} // namespace cordlesion::report
