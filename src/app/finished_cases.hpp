// What --resume keeps of an earlier run.
#pragma once

#include "cordlesion/app/progress.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "run.hpp"

#include <vector>

namespace cordlesion::app {

/// Moves the cases that an earlier run completed with the same input, models and options, and whose
/// files are whole and fit their report, from `cases` to the run's rows.
void take_finished_cases(Run& run, std::vector<io::CaseInput>& cases, io::CaseLoader& loader,
                         Progress& progress);

} // namespace cordlesion::app
