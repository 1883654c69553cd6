// The four networks of a package, loaded and ready to run. No LibTorch type appears here.
#pragma once

#include "cordlesion/core/cascade.hpp"
#include "cordlesion/core/preprocess.hpp"
#include "cordlesion/inference/model_package.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cordlesion::inference {

enum class Precision { automatic, fp32, bf16 };

/// What computes the networks: a plan compiled for oneDNN where the network's operations and the
/// device allow it, or always the TorchScript as it is.
enum class Engine { automatic, script };

struct NetworkOptions {
  std::string device = "auto"; ///< auto, cpu, cuda, cuda:N
  Precision precision = Precision::automatic;
  Engine engine = Engine::automatic;
};

/// Result of re-running the package's golden input.
struct GoldenCheck {
  double max_segmenter_error = 0; ///< largest absolute difference of probabilities
  double max_logit_error = 0;     ///< largest absolute difference of classifier logits
  bool passed = false;
};

/// Owns the TorchScript modules. Not thread-safe.
class Networks {
 public:
  /// Loads all four files. Refuses, with a models error that names the file and the difference:
  /// files that are not TorchScript, forbidden operators (aten::save, aten::from_file,
  /// prim::PythonOp), and shapes other than the manifest's.
  Networks(const ModelPackage& package, const NetworkOptions& options);
  ~Networks();
  Networks(const Networks&) = delete;
  Networks& operator=(const Networks&) = delete;

  /// Lesion probability of every pixel of every slice, each slice on its own.
  NetworkStack<float> segment(const NetworkStack<float>& images);

  /// Softmax probability of the node's second class for each of `slices` (indices into the stacks).
  std::vector<double> classify(Node node, const NetworkStack<float>& images,
                               const NetworkStack<std::uint8_t>& masks,
                               const std::vector<std::size_t>& slices);

  /// Re-runs the golden input of the manifest.
  GoldenCheck check_golden();

  const std::string& device() const;    ///< `cpu` or `cuda:N`
  const std::string& precision() const; ///< `fp32` or `bf16`

  /// What computes the networks: `oneDNN` with its version, `TorchScript`, or both, comma between.
  std::string engine() const;

  /// File and reason of each network that was to be compiled and runs as TorchScript.
  std::vector<std::string> not_compiled() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace cordlesion::inference
