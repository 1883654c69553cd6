// Whether two reports of one case say the same, within tolerances.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace cordlesion::report {

/// How far results may lie apart. The defaults allow for the rounding of fp32 arithmetic, which
/// differs between processors; 0 asks for equality.
struct Tolerances {
  double dice = 0.01;         ///< of masks: 1 - Dice
  double volume = 0.01;       ///< |difference| / larger
  double probability = 0.001; ///< |difference|
};

/// Whether a difference is allowed. One that equals its tolerance but for the last digits is,
/// unless the tolerance is 0.
bool within(double difference, double tolerance);

/// One result of a case, as results.tsv names it.
struct Finding {
  enum class Kind { exact, volume, probability };
  std::string quantity;
  std::variant<std::string, double> value;
  Kind kind = Kind::exact;
};

/// Status, error code, label, probabilities, number of lesions, total volume and volume of each
/// lesion of a report.json, as far as it holds them. None if the text is not JSON with a status.
std::optional<std::vector<Finding>> findings_of(const std::string& report_json);

/// A row of the table of differences.
struct Difference {
  std::string case_id;
  std::string quantity;
  std::string expected;
  std::string actual;
  std::string allowed; ///< how far they may lie apart
};

/// What `actual` says otherwise than `expected`. What `expected` leaves out is not compared.
std::vector<Difference> differences_of(const std::string& case_id,
                                       const std::vector<Finding>& expected,
                                       const std::vector<Finding>& actual,
                                       const Tolerances& tolerances);

/// Aligned columns under a header line.
std::string table_of(const std::vector<Difference>& differences);

} // namespace cordlesion::report
