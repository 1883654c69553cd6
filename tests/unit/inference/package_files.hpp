// Test helper: model packages written into a temporary folder.
#pragma once

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/core/digest.hpp"
#include "cordlesion/core/error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace cordlesion::inference {

/// A folder that is removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            ("cordlesion_" + std::string(test->name()) + "_" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A valid manifest for files of any content; `write_manifest` fills in the digests.
inline nlohmann::json valid_manifest(int input_size = 32) {
  nlohmann::json manifest{
      {"schema_version", 1},
      {"name", "tiny"},
      {"version", "1"},
      {"licence", "Apache-2.0"},
      {"trained", false},
      {"trained_on", "nothing"},
      {"intended_use", "unit tests"},
      {"input_size", input_size},
      {"fit", "letterbox"},
      {"normalisation", {{"clip_sd", 5.0}}},
      {"aggregation", "mean"},
      {"min_lesion_mm3", 0.0},
      {"bf16_agrees", false},
      {"segmenter", {{"file", "segmenter.pt"}, {"threshold", 0.5}}},
      {"golden", {{"file", "golden.pt"}, {"tolerance", 1e-3}}},
  };
  for (const Node node : all_nodes) {
    const std::string name(to_string(node));
    const NodeClasses classes = classes_of(node);
    manifest["classifiers"][name] = {{"file", name + ".pt"},
                                     {"channels", {"zero", "t2_in_mask", "mask"}},
                                     {"classes", {classes.first, classes.second}},
                                     {"threshold", 0.5},
                                     {"threshold_source", "fixed at 0.5"}};
  }
  return manifest;
}

/// The entries of a manifest that name a file.
inline std::vector<nlohmann::json*> file_entries(nlohmann::json& manifest) {
  std::vector<nlohmann::json*> entries{&manifest["segmenter"], &manifest["golden"]};
  for (auto& entry : manifest["classifiers"]) {
    entries.push_back(&entry);
  }
  return entries;
}

/// Writes manifest.json with the digests of the files that are there.
inline void write_manifest(const std::filesystem::path& folder, nlohmann::json manifest) {
  for (nlohmann::json* entry : file_entries(manifest)) {
    (*entry)["sha256"] = sha256_of_file(folder / (*entry)["file"].get<std::string>());
  }
  write_text(folder / "manifest.json", manifest.dump(2));
}

/// Runs `action` and returns the Error it must throw.
template <typename Action> Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error";
  return models_error("none", "no error was thrown");
}

inline void expect_models_error(const Error& error, const std::string& code,
                                const std::string& piece) {
  EXPECT_EQ(error.exit_code(), ExitCode::models);
  EXPECT_EQ(error.code(), code) << error.what();
  EXPECT_NE(std::string(error.what()).find(piece), std::string::npos) << error.what();
  EXPECT_FALSE(error.hint().empty());
}

} // namespace cordlesion::inference
