// The options on inputs and series that commands share.
#pragma once

#include "cordlesion/io/case_loader.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace cordlesion::cli {

/// How any image is read.
struct ReadingOptions {
  std::string series_policy = "best";
  bool assume_sagittal_t2 = false;
  io::VolumeChoice volume_choice;
};

/// Of `predict` and `scan`.
struct InputOptions {
  std::vector<std::string> inputs;
  std::string case_list;
  std::string series_uid;
  bool allow_gaps = false;
  bool include_identifiers = false;
  ReadingOptions reading;
};

/// --prefer alone, for commands that read nothing but masks. `choice` is set when it is parsed.
void add_prefer_option(CLI::App& command, io::VolumeChoice& choice);
void add_load_timeout_option(CLI::App& command, io::LoaderLimits& limits);
void add_reading_options(CLI::App& command, ReadingOptions& options);
void add_input_options(CLI::App& command, InputOptions& options);

io::FindRequest find_request(const InputOptions& options);
io::LoadOptions load_options(const ReadingOptions& options);
io::LoadOptions load_options(const InputOptions& options);

} // namespace cordlesion::cli
