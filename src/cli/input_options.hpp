// The options on inputs and series that `predict` and `scan` share.
#pragma once

#include "cordlesion/io/case_loader.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace cordlesion::cli {

struct InputOptions {
  std::vector<std::string> inputs;
  std::string case_list;
  std::string series_uid;
  std::string series_policy = "best";
  bool assume_sagittal_t2 = false;
  bool allow_gaps = false;
  bool include_identifiers = false;
  std::string prefer;
  std::optional<std::size_t> volume;
};

void add_input_options(CLI::App& command, InputOptions& options);

io::FindRequest find_request(const InputOptions& options);
io::LoadOptions load_options(const InputOptions& options);

} // namespace cordlesion::cli
