// Loading and running networks: small TorchScript modules stand for the real ones.
#include "cordlesion/inference/networks.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "package_files.hpp"

#include <torch/script.h>

#include <cmath>
#include <functional>

namespace cordlesion::inference {
namespace {

constexpr std::int64_t size = 32;
constexpr std::size_t pixels = static_cast<std::size_t>(size * size);

const char* const segmenter_code = R"JIT(
def forward(self, x):
    return torch.sigmoid(torch.conv2d(x, self.weight, None, [1, 1], [1, 1], [1, 1], 1))
)JIT";

const char* const classifier_code = R"JIT(
def forward(self, x):
    return torch.matmul(torch.mean(x, [2, 3]), self.weight)
def grad_cam(self, x, index: int):
    return self.forward(x), torch.mean(x, [1])
)JIT";

/// Weights that half precision holds exactly.
at::Tensor segmenter_weight() {
  return at::arange(9, at::kFloat).sub(3).div(8).reshape({1, 1, 3, 3});
}
at::Tensor classifier_weight() {
  return at::arange(6, at::kFloat).sub(2).mul(2).reshape({3, 2}).mul(at::tensor({1.0F, -1.0F}));
}

void save_module(const std::filesystem::path& path, const std::string& code,
                 const at::Tensor& weight, at::ScalarType type = at::kHalf) {
  torch::jit::Module module("Tiny");
  module.register_attribute("training", c10::BoolType::get(), true);
  module.register_parameter("weight", weight.to(type), /*is_buffer=*/false);
  // A counter as batch normalisation has it: it must stay an integer.
  module.register_buffer("counter", at::tensor({1}, at::kLong));
  module.define(code);
  module.save(path.string());
}

NetworkStack<float> ramp_images(std::size_t slices) {
  NetworkStack<float> images{slices, static_cast<std::size_t>(size), {}};
  for (std::size_t i = 0; i < slices * pixels; ++i) {
    images.pixels.push_back(static_cast<float>((i * 7919) % 1009) / 1009.0F);
  }
  return images;
}

NetworkStack<std::uint8_t> striped_masks(std::size_t slices) {
  NetworkStack<std::uint8_t> masks{slices, static_cast<std::size_t>(size), {}};
  for (std::size_t i = 0; i < slices * pixels; ++i) {
    masks.pixels.push_back(i % 5 < 2 ? 1 : 0);
  }
  return masks;
}

at::Tensor tensor_of(const NetworkStack<float>& stack) {
  return at::tensor(stack.pixels).reshape({static_cast<std::int64_t>(stack.slices), 1, size, size});
}

at::Tensor tensor_of(const NetworkStack<std::uint8_t>& stack) {
  return tensor_of(NetworkStack<float>{
      stack.slices, stack.size, std::vector<float>(stack.pixels.begin(), stack.pixels.end())});
}

at::Tensor expected_probabilities(const NetworkStack<float>& images) {
  return at::sigmoid(at::conv2d(tensor_of(images), segmenter_weight(), {}, 1, 1));
}

/// Channels zero, t2_in_mask, mask, as in the manifest of the tests.
at::Tensor expected_logits(const NetworkStack<float>& images,
                           const NetworkStack<std::uint8_t>& masks) {
  const at::Tensor image = tensor_of(images);
  const at::Tensor mask = tensor_of(masks);
  const at::Tensor input = at::cat({at::zeros_like(image), image * mask, mask}, 1);
  return at::matmul(input.mean({2, 3}), classifier_weight());
}

void save_golden(const std::filesystem::path& path, float segmenter_offset = 0,
                 float logit_offset = 0) {
  const auto image = ramp_images(1);
  const auto mask = striped_masks(1);
  torch::jit::Module golden("Golden");
  golden.register_buffer("input", tensor_of(image));
  golden.register_buffer("mask", tensor_of(mask));
  golden.register_buffer("segmenter", expected_probabilities(image) + segmenter_offset);
  for (const Node node : all_nodes) {
    golden.register_buffer(std::string(to_string(node)), expected_logits(image, mask));
  }
  golden.setattr("ms_vs_nmosd", golden.attr("ms_vs_nmosd").toTensor() + logit_offset);
  golden.save(path.string());
}

class NetworksTest : public testing::Test {
 protected:
  NetworksTest() {
    configure_runtime(2);
    save_module(file("segmenter"), segmenter_code, segmenter_weight());
    for (const Node node : all_nodes) {
      save_module(file(to_string(node)), classifier_code, classifier_weight());
    }
    save_golden(file("golden"));
  }

  std::filesystem::path file(std::string_view name) const {
    return folder_.path() / (std::string(name) + ".pt");
  }

  ModelPackage package() const {
    write_manifest(folder_.path(), manifest_);
    return open_model_package(folder_.path(), false);
  }

  Networks load(const NetworkOptions& options = {.device = "cpu"}) const {
    return Networks(package(), options);
  }

  /// The error of loading a package whose segmenter or last classifier is `code`.
  void expect_refused(const std::string& name, const std::string& code, const at::Tensor& weight,
                      const std::string& error_code, const std::string& piece) const {
    save_module(file(name), code, weight);
    const Error error = error_of([&] { load(); });
    expect_models_error(error, error_code, piece);
    EXPECT_NE(std::string(error.what()).find(name + ".pt"), std::string::npos) << error.what();
  }

  TemporaryFolder folder_;
  nlohmann::json manifest_ = valid_manifest(static_cast<int>(size));
};

TEST_F(NetworksTest, SegmentGivesTheProbabilityOfEveryPixelOfEverySlice) {
  Networks networks = load();
  const auto images = ramp_images(3);
  const auto result = networks.segment(images);
  EXPECT_EQ(result.slices, 3U);
  EXPECT_EQ(result.size, images.size);
  ASSERT_EQ(result.pixels.size(), images.pixels.size());
  EXPECT_TRUE(at::allclose(tensor_of(result), expected_probabilities(images), 1e-5, 1e-5));
}

TEST_F(NetworksTest, ClassifyGivesTheSoftmaxOfTheSecondClassForEachSliceAsked) {
  Networks networks = load();
  const auto images = ramp_images(20);
  const auto masks = striped_masks(20);
  // More than one batch, out of order, one slice twice.
  const std::vector<std::size_t> slices{19, 0, 1, 2, 3, 4, 5, 6, 7, 8, 3};
  const auto result = networks.classify(Node::tumor_vs_demyelination, images, masks, slices);
  const at::Tensor expected = expected_logits(images, masks).softmax(1).select(1, 1);
  ASSERT_EQ(result.size(), slices.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    EXPECT_NEAR(result[i], expected[static_cast<std::int64_t>(slices[i])].item<float>(), 1e-5);
  }
}

TEST_F(NetworksTest, ChannelsFollowTheManifest) {
  manifest_["classifiers"]["ms_vs_nmosd"]["channels"] = {"t2", "zero", "zero"};
  Networks networks = load();
  const auto images = ramp_images(1);
  const auto result = networks.classify(Node::ms_vs_nmosd, images, striped_masks(1), {0});
  const at::Tensor logits = tensor_of(images).mean() * classifier_weight()[0];
  EXPECT_NEAR(result.at(0), logits.softmax(0)[1].item<float>(), 1e-5);
}

TEST_F(NetworksTest, NothingToDoGivesNothing) {
  Networks networks = load();
  EXPECT_TRUE(networks.segment(ramp_images(0)).pixels.empty());
  EXPECT_TRUE(networks.classify(Node::ms_vs_nmosd, ramp_images(1), striped_masks(1), {}).empty());
}

TEST_F(NetworksTest, ResultsAreTheSameBitsEveryTime) {
  const auto images = ramp_images(4);
  const auto masks = striped_masks(4);
  const std::vector<std::size_t> slices{0, 1, 2, 3};
  Networks first = load();
  const auto segmented = first.segment(images).pixels;
  const auto classified = first.classify(Node::ms_vs_nmosd, images, masks, slices);
  Networks second = load();
  for (int run = 0; run < 4; ++run) {
    EXPECT_EQ(second.segment(images).pixels, segmented);
    EXPECT_EQ(second.classify(Node::ms_vs_nmosd, images, masks, slices), classified);
  }
}

TEST_F(NetworksTest, InputOfAnotherSizeIsAMistakeOfTheCaller) {
  Networks networks = load();
  EXPECT_THROW(networks.segment({1, 16, std::vector<float>(256)}), std::invalid_argument);
  EXPECT_THROW(networks.classify(Node::ms_vs_nmosd, ramp_images(2), striped_masks(1), {0}),
               std::invalid_argument);
  EXPECT_THROW(networks.classify(Node::ms_vs_nmosd, ramp_images(1), striped_masks(1), {1}),
               std::invalid_argument);
}

TEST_F(NetworksTest, OutputThatIsNotFiniteFailsTheCase) {
  Networks networks = load();
  auto images = ramp_images(1);
  images.pixels[5] = std::nanf("");
  const Error segment = error_of([&] { networks.segment(images); });
  EXPECT_EQ(segment.code(), "network_output_not_finite");
  EXPECT_EQ(segment.stage(), Stage::segment);
  EXPECT_EQ(segment.exit_code(), ExitCode::some_cases_failed);
  const Error classify =
      error_of([&] { networks.classify(Node::ms_vs_nmosd, images, striped_masks(1), {0}); });
  // The stripes leave pixel 5 in the mask.
  EXPECT_EQ(classify.code(), "network_output_not_finite");
  EXPECT_EQ(classify.stage(), Stage::classify);
}

TEST_F(NetworksTest, NetworkThatFailsOnACaseFailsTheCase) {
  save_module(file("segmenter"), R"JIT(
def forward(self, x):
    assert bool(torch.max(x) < 1.5), "no such scan"
    return torch.sigmoid(x)
)JIT",
              segmenter_weight());
  Networks networks = load();
  auto images = ramp_images(1);
  images.pixels[0] = 2;
  const Error error = error_of([&] { networks.segment(images); });
  EXPECT_EQ(error.code(), "network_failed");
  EXPECT_EQ(error.stage(), Stage::segment);
  EXPECT_NE(std::string(error.what()).find("segmenter.pt"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("no such scan"), std::string::npos) << error.what();
  EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
}

TEST_F(NetworksTest, RefusesFilesThatAreNotTorchScript) {
  for (const std::string& content :
       {std::string(), std::string("garbage"), std::string(5000, 'x')}) {
    write_text(file("ms_vs_nmosd"), content);
    expect_models_error(error_of([&] { load(); }), "model_not_torchscript", "ms_vs_nmosd.pt");
  }
}

TEST_F(NetworksTest, RefusesATruncatedFile) {
  std::filesystem::resize_file(file("segmenter"),
                               std::filesystem::file_size(file("segmenter")) / 2);
  expect_models_error(error_of([&] { load(); }), "model_not_torchscript", "segmenter.pt");
}

TEST_F(NetworksTest, RefusesOperatorsThatTouchFilesWithoutRunningThem) {
  const std::filesystem::path target = folder_.path() / "written";
  const std::string save = "torch.save(x, \"" + target.string() + "\")";
  for (const std::string& code :
       {"def forward(self, x):\n    " + save + "\n    return torch.sigmoid(x)\n",
        // hidden in a branch of a method that is never called
        "def forward(self, x):\n    return torch.sigmoid(x)\n"
        "def other(self, x):\n    if bool(torch.max(x) > 2):\n        " +
            save + "\n    return x\n"}) {
    expect_refused("segmenter", code, segmenter_weight(), "model_forbidden_operator", "aten::save");
  }
  expect_refused("segmenter",
                 "def forward(self, x):\n"
                 "    return torch.from_file(\"/dev/zero\", False, 1024).reshape(1, 1, 32, 32)\n",
                 segmenter_weight(), "model_forbidden_operator", "aten::from_file");
  expect_refused("segmenter", "def forward(self, x):\n    print(x)\n    return torch.sigmoid(x)\n",
                 segmenter_weight(), "model_forbidden_operator", "prim::Print");
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(NetworksTest, RefusesForbiddenOperatorsOfSubmodules) {
  torch::jit::Module inner("Inner");
  inner.define("def forward(self, x):\n    torch.save(x, \"written\")\n    return x\n");
  torch::jit::Module outer("Outer");
  outer.register_module("inner", inner);
  outer.define("def forward(self, x):\n    return torch.sigmoid(self.inner.forward(x))\n");
  outer.save(file("segmenter").string());
  expect_models_error(error_of([&] { load(); }), "model_forbidden_operator", "aten::save");
}

TEST_F(NetworksTest, RefusesCodeThatRunsWhileLoading) {
  const std::filesystem::path target = folder_.path() / "written";
  torch::jit::Module module("Stateful");
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define("def forward(self, x):\n    return torch.sigmoid(x)\n"
                "def __getstate__(self) -> bool:\n    return self.training\n"
                "def __setstate__(self, state: bool):\n    self.training = state\n"
                "    torch.save(torch.zeros([1]), \"" +
                target.string() + "\")\n");
  module.save(file("segmenter").string());
  expect_models_error(error_of([&] { load(); }), "model_forbidden_operator", "__setstate__");
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(NetworksTest, RefusesASegmenterThatBreaksTheContract) {
  const auto expect = [&](const std::string& body, const std::string& code,
                          const std::string& piece) {
    expect_refused("segmenter", "def forward(self, x):\n    " + body + "\n", segmenter_weight(),
                   code, piece);
  };
  expect("return torch.cat([x, x], 1)", "model_shape_mismatch",
         "expected a tensor of shape [1,1,32,32], found [1,2,32,32]");
  expect("return torch.mean(x)", "model_shape_mismatch", "found []");
  expect("return x, x", "model_shape_mismatch", "found Tuple");
  expect("return x * 4.0", "model_output_out_of_range", "probabilities from 0 to 1");
  expect("return x - 1.0", "model_output_out_of_range", "probabilities from 0 to 1");
  expect("return x / 0.0", "model_output_not_finite", "expected finite values");
  expect("return torch.matmul(x, self.weight)", "model_does_not_run", "[1,1,32,32]");
  expect_refused("segmenter", "def other(self, x):\n    return x\n", segmenter_weight(),
                 "model_method_missing", "`forward`");
}

TEST_F(NetworksTest, RefusesAClassifierThatBreaksTheContract) {
  const std::string name = "astrocytoma_vs_ependymoma";
  const std::string forward =
      "def forward(self, x):\n    return torch.matmul(torch.mean(x, [2, 3]), self.weight)\n";
  expect_refused(name, forward, classifier_weight(), "model_method_missing", "`grad_cam`");
  const std::string signature = "def grad_cam(self, x, index: int):\n    ";
  expect_refused(name, forward + signature + "return self.forward(x), x\n", classifier_weight(),
                 "model_shape_mismatch", "grad_cam maps: expected a tensor of shape [2,any,any]");
  expect_refused(name, forward + signature + "return self.forward(x)\n", classifier_weight(),
                 "model_shape_mismatch", "grad_cam: expected a tuple");
  expect_refused(name, classifier_code, at::ones({3, 3}), "model_shape_mismatch",
                 "expected a tensor of shape [2,2], found [2,3]");
  expect_refused(name, classifier_code, at::ones({4, 2}), "model_does_not_run", "[2,3,32,32]");
}

TEST_F(NetworksTest, GoldenOutputsAreReproduced) {
  const GoldenCheck check = load().check_golden();
  EXPECT_TRUE(check.passed);
  EXPECT_LT(check.max_segmenter_error, 1e-5);
  EXPECT_LT(check.max_logit_error, 1e-5);
}

TEST_F(NetworksTest, GoldenCheckFailsWhereOutputsDiffer) {
  save_golden(file("golden"), 0.25F);
  const GoldenCheck segmenter = load().check_golden();
  EXPECT_FALSE(segmenter.passed);
  EXPECT_NEAR(segmenter.max_segmenter_error, 0.25, 1e-5);
  save_golden(file("golden"), 0, -2);
  const GoldenCheck logits = load().check_golden();
  EXPECT_FALSE(logits.passed);
  EXPECT_NEAR(logits.max_logit_error, 2, 1e-5);
  manifest_["golden"]["tolerance"] = 2.1;
  EXPECT_TRUE(load().check_golden().passed);
}

TEST_F(NetworksTest, GoldenFileMustHoldEveryBuffer) {
  torch::jit::Module golden("Golden");
  golden.register_buffer("input", tensor_of(ramp_images(1)));
  golden.save(file("golden").string());
  expect_models_error(error_of([&] { load().check_golden(); }), "golden_invalid", "`mask`");
  golden.register_buffer("mask", at::zeros({1, 1, 8, 8}));
  golden.save(file("golden").string());
  expect_models_error(error_of([&] { load().check_golden(); }), "golden_invalid", "[1,1,8,8]");
}

TEST_F(NetworksTest, PrecisionIsAsAskedAndAutomaticOnlyWhereThePackageAgrees) {
  EXPECT_EQ(load({.device = "cpu"}).precision(), "fp32");
  const NetworkOptions bf16{.device = "cpu", .precision = Precision::bf16};
  if (cpu_bf16() == Bf16Support::none) {
    EXPECT_EQ(error_of([&] { load(bf16); }).exit_code(), ExitCode::usage);
  } else {
    EXPECT_EQ(load(bf16).precision(), "bf16");
  }
  manifest_["bf16_agrees"] = true;
  EXPECT_EQ(load({.device = "cpu"}).precision(), cpu_bf16() == Bf16Support::fast ? "bf16" : "fp32");
  EXPECT_EQ(load({.device = "cpu", .precision = Precision::fp32}).precision(), "fp32");
}

TEST_F(NetworksTest, Bf16IsNearFp32ButNotEqualAndTheGoldenCheckStaysFp32) {
  if (cpu_bf16() == Bf16Support::none) {
    GTEST_SKIP() << "no bf16 on a CPU without AVX-512";
  }
  Networks networks = load({.device = "cpu", .precision = Precision::bf16});
  const auto images = ramp_images(1);
  const auto result = networks.segment(images);
  EXPECT_TRUE(at::allclose(tensor_of(result), expected_probabilities(images), 0, 0.02));
  EXPECT_FALSE(at::allclose(tensor_of(result), expected_probabilities(images), 0, 1e-5));
  EXPECT_TRUE(networks.check_golden().passed);
  EXPECT_EQ(networks.precision(), "bf16");
}

TEST_F(NetworksTest, DeviceIsCheckedBeforeAnythingIsLoaded) {
  EXPECT_EQ(load({.device = "cpu"}).device(), "cpu");
  for (const std::string device :
       {"gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:999", "cuda:64"}) {
    const Error error = error_of([&] { load({.device = device}); });
    EXPECT_EQ(error.exit_code(), ExitCode::usage) << device;
    EXPECT_NE(std::string(error.what()).find("`" + device + "`"), std::string::npos);
  }
}

} // namespace
} // namespace cordlesion::inference
