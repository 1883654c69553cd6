// The model package on disk: its manifest, checked against the contract before anything runs.
#pragma once

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/core/preprocess.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cordlesion::inference {

/// What a classifier's input channel holds (models/README.md).
enum class ChannelRole { t2, t2_in_mask, t2_near_mask, t1c, t1c_in_mask, mask, zero };

struct NetworkFile {
  std::string file;   ///< name inside the package folder
  std::string sha256; ///< 64 hexadecimal digits
};

struct SegmenterSpec {
  NetworkFile file;
  double threshold = 0.5; ///< lesion if probability >= threshold
};

struct ClassifierSpec {
  NetworkFile file;
  std::vector<ChannelRole> channels;
  double threshold = 0.5;       ///< second class if probability >= threshold
  std::string threshold_source; ///< where the threshold comes from, in words
};

/// Everything the manifest says, validated. The program obeys it rather than assumes.
struct Manifest {
  int schema_version = 1;
  std::string name;
  std::string version;
  std::string licence;
  std::string trained_on; ///< shown to the user with every run
  std::string intended_use;
  bool trained = false; ///< false: seeded weights, results mean nothing
  std::size_t input_size = 256;
  Fit fit = Fit::letterbox;
  Normalisation normalisation;
  double min_lesion_mm3 = 0; ///< default of --min-lesion-mm3
  SegmenterSpec segmenter;
  std::map<Node, ClassifierSpec> classifiers; ///< exactly the three nodes
  std::string aggregation;                    ///< `mean` is the only one known
  bool bf16_agrees = false;    ///< bf16 agreed with fp32 when the package was exported
  NetworkFile golden;          ///< an input with its expected outputs
  double golden_tolerance = 0; ///< largest difference from them that passes
};

/// A package whose manifest and (unless unverified) file hashes are in order.
struct ModelPackage {
  std::filesystem::path folder;
  Manifest manifest;
  std::map<std::string, std::string> sha256; ///< per file, as found on disk
  bool verified = true;
};

/// Reads and checks `folder`/manifest.json and the SHA-256 of every file it names. Throws a models
/// error (exit 4) that names the field or file, what was expected and what was found.
/// @param allow_unverified  a differing hash is accepted and `verified` becomes false
ModelPackage open_model_package(const std::filesystem::path& folder, bool allow_unverified);

} // namespace cordlesion::inference
