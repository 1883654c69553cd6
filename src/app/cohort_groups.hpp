// The subgroups that the columns of a label table make.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/io/label_table.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cordlesion::app {

/// A column with more distinct values than this makes no subgroups.
inline constexpr std::size_t max_subgroups = 10;

struct CohortGroups {
  std::vector<std::map<std::string, std::string>> of_case; ///< column to value, per case
  std::vector<double> ages_years;
  std::vector<Warning> warnings; ///< columns that make no subgroups
};

/// Age makes bands (0-17, 18-39, 40-59, 60+), any other column with few distinct values one group
/// per value; a value that is not given is the group n/a. Throws a usage error for an age that is
/// no number of years.
CohortGroups cohort_groups(const io::LabelTable& labels);

} // namespace cordlesion::app
