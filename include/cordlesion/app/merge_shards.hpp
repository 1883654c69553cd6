// One output folder from those of shards.
#pragma once

#include "cordlesion/app/predict_options.hpp"
#include "cordlesion/core/error.hpp"

#include <filesystem>
#include <iosfwd>
#include <vector>

namespace cordlesion::app {

/// How the case folders of the shards come into the merged folder.
enum class CaseFolders {
  link, ///< hard links; copies where the file system has none
  copy,
  none, ///< tables only
};

struct MergeOptions {
  std::vector<std::filesystem::path> shards; ///< output folders of finished runs
  std::filesystem::path output;
  Existing existing = Existing::refuse;
  CaseFolders case_folders = CaseFolders::link;
};

/// Writes what one run over the cases of all shards would have written; the compact results go to
/// `results`, one line per case. Returns ok or some_cases_failed, as that run would.
/// Throws a usage error if a folder does not exist, two hold the same case, one is incomplete or
/// they were not run alike; an Error with ExitCode::no_input if one holds no results.
ExitCode merge_shards(const MergeOptions& options, std::ostream& results);

} // namespace cordlesion::app
