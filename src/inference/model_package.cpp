// The model package on disk: its manifest, checked against the contract before anything runs.
#include "cordlesion/inference/model_package.hpp"

#include "cordlesion/core/digest.hpp"
#include "cordlesion/core/error.hpp"
#include "manifest.hpp"

#include <fstream>
#include <iterator>
#include <system_error>

namespace cordlesion::inference {
namespace {

constexpr const char* how_to_get_a_package =
    "Name a package with --models, or make one: scripts/training/export.py --untrained.";

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::string read_manifest_text(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw models_error("models_folder_missing",
                       "model package " + folder.string() +
                           ": expected a folder with a manifest.json, found no folder",
                       how_to_get_a_package);
  }
  const std::filesystem::path path = folder / "manifest.json";
  if (!is_file(path)) {
    throw models_error("manifest_missing",
                       "model package " + folder.string() +
                           ": expected a file manifest.json, found none",
                       how_to_get_a_package);
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream.is_open() || stream.bad()) {
    throw models_error("manifest_unreadable", path.string() + ": cannot be read",
                       "Check the permissions of the file.");
  }
  return text;
}

std::string digest_of(const std::filesystem::path& path) {
  if (!is_file(path)) {
    throw models_error("model_file_missing",
                       path.string() + ": named in manifest.json, expected a file, found none",
                       "Copy the package again; it is incomplete.");
  }
  try {
    return sha256_of_file(path);
  } catch (const Error&) {
    throw models_error("model_file_unreadable", path.string() + ": cannot be read",
                       "Check the permissions of the file.");
  }
}

void check_file(ModelPackage& package, const NetworkFile& expected, bool allow_unverified) {
  const std::filesystem::path path = package.folder / expected.file;
  const std::string found = digest_of(path);
  package.sha256[expected.file] = found;
  if (found == expected.sha256) {
    return;
  }
  if (!allow_unverified) {
    throw models_error("model_hash_mismatch",
                       path.string() + ": expected SHA-256 " + expected.sha256 + ", found " + found,
                       "The file is not the one that was exported, and a TorchScript file is a "
                       "program: copy the package again. If you made this file yourself and trust "
                       "it, use --allow-unverified-models.");
  }
  package.verified = false;
}

} // namespace

ModelPackage open_model_package(const std::filesystem::path& folder, bool allow_unverified) {
  ModelPackage package;
  package.folder = folder;
  const std::string manifest = read_manifest_text(folder);
  package.manifest = parse_manifest(manifest, (folder / "manifest.json").string());
  package.sha256["manifest.json"] = sha256_of_text(manifest);
  check_file(package, package.manifest.segmenter.file, allow_unverified);
  for (const auto& [node, classifier] : package.manifest.classifiers) {
    check_file(package, classifier.file, allow_unverified);
  }
  check_file(package, package.manifest.golden, allow_unverified);
  return package;
}

} // namespace cordlesion::inference
