// `cordlesion models`: describes and verifies a model package.
#include "command.hpp"
#include "cordlesion/inference/model_package.hpp"
#include "cordlesion/inference/networks.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "default_models.hpp"

#include <iostream>
#include <memory>

namespace cordlesion::cli {
namespace {

void describe(const inference::ModelPackage& package) {
  const inference::Manifest& manifest = package.manifest;
  std::cout << manifest.name << " version " << manifest.version
            << (manifest.trained ? "" : "  (UNTRAINED: results mean nothing)")
            << "\n  licence       " << manifest.licence << "\n  trained on    "
            << manifest.trained_on << "\n  intended use  " << manifest.intended_use
            << "\n  input         " << manifest.input_size << " x " << manifest.input_size << ", "
            << (manifest.fit == Fit::letterbox ? "letterbox" : "stretch") << "\n  segmenter     "
            << manifest.segmenter.file.file << ", threshold " << manifest.segmenter.threshold
            << '\n';
  for (const auto& [node, classifier] : manifest.classifiers) {
    std::cout << "  classifier    " << classifier.file.file << ", threshold "
              << classifier.threshold << " (" << classifier.threshold_source << ")\n";
  }
  for (const auto& [file, digest] : package.sha256) {
    std::cout << "  sha256        " << digest << "  " << file << '\n';
  }
}

/// Whatever goes wrong with the golden input is the package's fault.
inference::GoldenCheck golden_check(inference::Networks& networks) {
  try {
    return networks.check_golden();
  } catch (const std::exception& error) {
    throw models_error("golden_does_not_run", "the golden input cannot be run: " + reason_of(error),
                       "Export the package again.");
  }
}

ExitCode check(const std::string& folder) {
  inference::configure_runtime(inference::available_threads());
  const inference::ModelPackage package = inference::open_model_package(
      folder.empty() ? default_models() : std::filesystem::path(folder), false);
  describe(package);
  inference::Networks networks(package, {.device = "cpu", .precision = inference::Precision::fp32});
  const inference::GoldenCheck golden = golden_check(networks);
  std::cout << "  golden input  " << (golden.passed ? "passed" : "FAILED")
            << ", largest difference: probability " << golden.max_segmenter_error << ", logit "
            << golden.max_logit_error << '\n';
  if (!golden.passed) {
    throw models_error("golden_differs",
                       "the networks do not return the outputs that the package was exported with",
                       "Export the package again, or report the CPU and the LibTorch version.");
  }
  std::cout << "  verified\n";
  return ExitCode::ok;
}

} // namespace

RunCommand add_models(CLI::App& app) {
  CLI::App& command = *app.add_subcommand(
      "models", "Describe a model package, verify its hashes and re-run its golden input");
  command.footer("\nExit code 4 if the package is missing, altered or breaks the contract.");
  auto folder = std::make_shared<std::string>();
  command.add_option("DIR", *folder, "Model package [the installed one]");
  return [folder] { return check(*folder); };
}

} // namespace cordlesion::cli
