// What `predict` was asked to do.
#pragma once

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/inference/networks.hpp"
#include "cordlesion/io/case_loader.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace cordlesion::app {

/// Part `index` of `count`, 1-based: every count-th case in order of case_id.
struct Shard {
  std::size_t index = 1;
  std::size_t count = 1;
};

/// What becomes of results that the output folder already holds.
enum class Existing { refuse, resume, overwrite };

enum class ProgressStyle { automatic, none };

struct PredictOptions {
  io::FindRequest find;
  std::filesystem::path output;
  std::filesystem::path models;
  bool allow_unverified_models = false;
  inference::NetworkOptions network;
  int threads = 0; ///< 0: what the machine allows

  io::LoadOptions load;
  io::LoaderLimits limits;
  std::optional<std::filesystem::path> corrected_masks; ///< classify from these, no segmentation

  std::map<Node, double> thresholds; ///< overrides of the package's
  double abstain_margin = 0;
  std::optional<double> min_lesion_mm3; ///< override of the package's
  bool all_nodes = false;
  bool save_probability = false;

  Existing existing = Existing::refuse;
  Shard shard;
  bool fail_fast = false;
  bool dry_run = false;
  ProgressStyle progress = ProgressStyle::automatic;
};

/// The options that change a case's result, as text for digests and run.json.
std::map<std::string, std::string> result_options(const PredictOptions& options);

} // namespace cordlesion::app
