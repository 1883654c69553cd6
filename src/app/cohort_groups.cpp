// Age bands and other subgroups.
#include "cohort_groups.hpp"

#include <charconv>
#include <set>

namespace cordlesion::app {
namespace {

constexpr const char* not_given = "n/a";

double age_of(const std::string& text, const std::string& where) {
  double age = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, age);
  if (failure != std::errc() || stop != end || !(age >= 0 && age <= 130)) {
    throw usage_error(where + ": age '" + text + "' is not a number of years from 0 to 130",
                      "Correct it, or leave the cell empty.");
  }
  return age;
}

std::string age_band(double age) {
  if (age < 18) {
    return "0-17";
  }
  if (age < 40) {
    return "18-39";
  }
  return age < 60 ? "40-59" : "60+";
}

void add_ages(CohortGroups& groups, const io::LabelTable& labels, std::size_t column) {
  for (std::size_t i = 0; i < labels.cases.size(); ++i) {
    const std::string& text = labels.cases[i].values[column];
    std::string band = not_given;
    if (!text.empty()) {
      const double age = age_of(text, labels.cases[i].where);
      groups.ages_years.push_back(age);
      band = age_band(age);
    }
    groups.of_case[i]["age"] = band;
  }
}

void add_column(CohortGroups& groups, const io::LabelTable& labels, std::size_t column) {
  const std::string& name = labels.columns[column];
  std::set<std::string> distinct;
  for (const io::LabelledCase& labelled : labels.cases) {
    distinct.insert(labelled.values[column]);
  }
  distinct.erase(""); // not given
  if (distinct.size() > max_subgroups) {
    groups.warnings.push_back(
        {"column_not_grouped", "column '" + name + "' has " + std::to_string(distinct.size()) +
                                   " distinct values; with more than " +
                                   std::to_string(max_subgroups) + " it makes no subgroups"});
    return;
  }
  for (std::size_t i = 0; i < labels.cases.size(); ++i) {
    const std::string& value = labels.cases[i].values[column];
    groups.of_case[i][name] = value.empty() ? not_given : value;
  }
}

} // namespace

CohortGroups cohort_groups(const io::LabelTable& labels) {
  CohortGroups groups;
  groups.of_case.resize(labels.cases.size());
  for (std::size_t column = 0; column < labels.columns.size(); ++column) {
    if (labels.columns[column] == "age") {
      add_ages(groups, labels, column);
    } else {
      add_column(groups, labels, column);
    }
  }
  return groups;
}

} // namespace cordlesion::app
