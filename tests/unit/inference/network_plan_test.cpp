// Networks compiled into plans against the same networks run as scripts.
#include "../../../src/inference/layer_graph.hpp"
#include "../../../src/inference/network_plan.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

namespace cordlesion::inference {
namespace {

constexpr std::int64_t size = 32;

/// Random numbers that are the same in every run.
class Numbers {
 public:
  at::Tensor weights(std::vector<std::int64_t> shape) {
    return at::randn(shape, generator_) /
           std::sqrt(static_cast<double>(shape[1] * shape[2] * shape[3]));
  }
  at::Tensor vector(std::int64_t length) { return at::randn({length}, generator_); }
  at::Tensor positive(std::int64_t length) { return at::rand({length}, generator_) + 0.5; }
  at::Tensor image(std::int64_t channels, std::int64_t pixels) {
    return at::rand({1, channels, pixels, pixels}, generator_);
  }

 private:
  at::Generator generator_ = at::detail::createCPUGenerator(11);
};

/// A module with these tensors and the batch norms named in `norms`, as `x = self.bn_NAME(x)`.
torch::jit::Module make_module(const std::string& code,
                               const std::map<std::string, at::Tensor>& tensors,
                               const std::map<std::string, std::int64_t>& norms, Numbers& numbers) {
  torch::jit::Module module("Net");
  std::string methods;
  for (const auto& [name, tensor] : tensors) {
    module.register_parameter(name, tensor, /*is_buffer=*/false);
  }
  for (const auto& [name, channels] : norms) {
    module.register_parameter(name + "_scale", numbers.vector(channels), false);
    module.register_parameter(name + "_shift", numbers.vector(channels), false);
    module.register_buffer(name + "_mean", numbers.vector(channels));
    module.register_buffer(name + "_var", numbers.positive(channels));
    methods += "def bn_" + name + "(self, x):\n    return torch.batch_norm(x, self." + name +
               "_scale, self." + name + "_shift, self." + name + "_mean, self." + name +
               "_var, False, 0.1, 1e-5, True)\n";
  }
  module.define(methods + code);
  module.eval();
  return module;
}

/// The blocks of a MultiResUNet, with channel counts that fill no vector.
torch::jit::Module segmenter_like(Numbers& numbers) {
  return make_module(R"JIT(
def forward(self, x):
    small = torch.relu(self.bn_a(torch.conv2d(x, self.small, None, [1, 1], [1, 1], [1, 1], 1)))
    large = torch.relu(torch.conv2d(small, self.large, self.large_bias, [1, 1], [1, 1], [1, 1], 1))
    joined = self.bn_b(torch.cat([small, large], 1))
    shortcut = torch.conv2d(x, self.shortcut, None, [1, 1], [0, 0], [1, 1], 1)
    first = self.bn_c(torch.relu(joined + shortcut))
    kept = [first]
    x = torch.max_pool2d(first, 2)
    x = torch.conv2d(x, self.up, self.up_bias, [1, 1], [0, 0], [1, 1], 1)
    x = torch.cat([torch.pixel_shuffle(x, 2), kept.pop()], 1)
    assert x.dim() == 4
    x = torch.relu(torch.conv2d(x, self.small2, None, [1, 1], [1, 1], [1, 1], 1)) + torch.conv2d(x, self.short2, None, [1, 1], [0, 0], [1, 1], 1)
    return torch.sigmoid(torch.conv2d(self.bn_d(torch.relu(x)), self.head, self.head_bias, [1, 1], [0, 0], [1, 1], 1))
)JIT",
                     {{"small", numbers.weights({5, 1, 3, 3})},
                      {"large", numbers.weights({17, 5, 3, 3})},
                      {"large_bias", numbers.vector(17)},
                      {"shortcut", numbers.weights({22, 1, 1, 1})},
                      {"up", numbers.weights({20, 22, 1, 1})},
                      {"up_bias", numbers.vector(20)},
                      {"small2", numbers.weights({9, 27, 3, 3})},
                      {"short2", numbers.weights({9, 27, 1, 1})},
                      {"head", numbers.weights({1, 9, 1, 1})},
                      {"head_bias", numbers.vector(1)}},
                     {{"a", 5}, {"b", 22}, {"c", 22}, {"d", 9}}, numbers);
}

/// The layers of a DenseNet, with its ReLU in place and its growing list.
torch::jit::Module classifier_like(Numbers& numbers) {
  return make_module(R"JIT(
def forward(self, x):
    x = torch.relu_(self.bn_a(torch.conv2d(x, self.stem, None, [2, 2], [3, 3], [1, 1], 1)))
    x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], False)
    features = [x]
    x = torch.relu_(self.bn_b(torch.cat(features, 1)))
    x = torch.relu_(self.bn_c(torch.conv2d(x, self.narrow, None, [1, 1], [0, 0], [1, 1], 1)))
    features.append(torch.conv2d(x, self.grow, None, [1, 1], [1, 1], [1, 1], 1))
    x = torch.relu_(self.bn_d(torch.cat(features, 1)))
    x = torch.avg_pool2d(torch.conv2d(x, self.halve, None, [1, 1], [0, 0], [1, 1], 1), [2, 2], [2, 2])
    x = torch.mean(torch.relu(self.bn_e(x)), [2, 3])
    return torch.linear(torch.relu(torch.linear(x, self.hidden, self.hidden_bias)), self.out, self.out_bias)
)JIT",
                     {{"stem", numbers.weights({12, 3, 7, 7})},
                      {"narrow", numbers.weights({19, 12, 1, 1})},
                      {"grow", numbers.weights({8, 19, 3, 3})},
                      {"halve", numbers.weights({10, 20, 1, 1})},
                      {"hidden", numbers.weights({7, 10, 1, 1}).reshape({7, 10})},
                      {"hidden_bias", numbers.vector(7)},
                      {"out", numbers.weights({2, 7, 1, 1}).reshape({2, 7})},
                      {"out_bias", numbers.vector(2)}},
                     {{"a", 12}, {"b", 12}, {"c", 19}, {"d", 20}, {"e", 10}}, numbers);
}

const std::string two_convolutions = R"JIT(
def forward(self, x):
    a = torch.conv2d(x, self.first, None, [1, 1], [1, 1], [1, 1], 1)
    b = torch.conv2d(x, self.second, None, [1, 1], [0, 0], [1, 1], 1)
    )JIT";

class NetworkPlanTest : public testing::Test {
 protected:
  /// The largest difference between plan and script, relative to the largest value of the latter.
  double difference(const torch::jit::Module& module, std::int64_t channels, bool bf16,
                    std::int64_t pixels = size) {
    std::string why_not;
    auto graph = read_layer_graph(module, channels, why_not);
    EXPECT_TRUE(graph) << why_not;
    EXPECT_TRUE(fold_layers(*graph));
    const auto plan = NetworkPlan::make(*graph, pixels, bf16, why_not);
    if (!plan) {
      ADD_FAILURE() << why_not;
      return 1;
    }
    double largest = 0;
    for (int repetition = 0; repetition < 2; ++repetition) { // the second finds used memory
      const at::Tensor image = numbers_.image(channels, pixels);
      torch::jit::Module script = module;
      const at::Tensor expected = script.forward({image}).toTensor()[0].contiguous();
      EXPECT_EQ(plan->result_shape(), expected.sizes().vec());
      at::Tensor found = at::full_like(expected, std::numeric_limits<float>::quiet_NaN());
      plan->run(image.data_ptr<float>(), found.data_ptr<float>());
      largest =
          std::max(largest, ((found - expected).abs().max() / expected.abs().max()).item<double>());
    }
    return largest;
  }

  /// Why no layers can be read of a network of one convolution.
  std::string reason(const std::string& code) {
    std::string why_not;
    const auto module =
        make_module(code, {{"weight", numbers_.weights({4, 4, 3, 3})}}, {}, numbers_);
    EXPECT_FALSE(read_layer_graph(module, 4, why_not));
    return why_not;
  }

  /// Why this CPU computes no network in bf16; empty if it does.
  std::string why_no_bf16() {
    std::string why_not;
    auto graph = read_layer_graph(segmenter_like(numbers_), 1, why_not);
    EXPECT_TRUE(graph && fold_layers(*graph)) << why_not;
    return NetworkPlan::make(*graph, size, true, why_not) ? "" : why_not;
  }

  /// Why layers that can be read cannot be compiled.
  std::string plan_reason(const std::string& code) {
    std::string why_not;
    const auto module =
        make_module(code, {{"weight", numbers_.weights({4, 4, 3, 3})}}, {}, numbers_);
    auto graph = read_layer_graph(module, 4, why_not);
    EXPECT_TRUE(graph && fold_layers(*graph)) << why_not;
    EXPECT_FALSE(graph && NetworkPlan::make(*graph, size, false, why_not));
    return why_not;
  }

  Numbers numbers_;
  c10::InferenceMode inference_;
};

TEST_F(NetworkPlanTest, SegmenterIsThatOfTheScript) {
  EXPECT_LT(difference(segmenter_like(numbers_), 1, false), 1e-5);
}

TEST_F(NetworkPlanTest, ClassifierIsThatOfTheScript) {
  EXPECT_LT(difference(classifier_like(numbers_), 3, false), 1e-5);
}

TEST_F(NetworkPlanTest, Bf16IsCloseToTheScript) {
  if (const std::string why_not = why_no_bf16(); !why_not.empty()) {
    GTEST_SKIP() << "no bf16 here: " << why_not;
  }
  EXPECT_LT(difference(segmenter_like(numbers_), 1, true), 0.02);
  EXPECT_LT(difference(classifier_like(numbers_), 3, true), 0.02);
}

TEST_F(NetworkPlanTest, MeanOfAConvolutionIsThatOfTheScriptInBf16Too) {
  const auto module = make_module(R"JIT(
def forward(self, x):
    x = torch.relu(torch.conv2d(x, self.weight, None, [1, 1], [1, 1], [1, 1], 1))
    return torch.linear(torch.mean(x, [2, 3]), self.out, self.out_bias)
)JIT",
                                  {{"weight", numbers_.weights({16, 3, 3, 3})},
                                   {"out", numbers_.weights({2, 16, 1, 1}).reshape({2, 16})},
                                   {"out_bias", numbers_.vector(2)}},
                                  {}, numbers_);
  EXPECT_LT(difference(module, 3, false), 1e-5);
  if (const std::string why_not = why_no_bf16(); !why_not.empty()) {
    GTEST_SKIP() << "no bf16 here: " << why_not;
  }
  EXPECT_LT(difference(module, 3, true), 0.02);
}

TEST_F(NetworkPlanTest, LargeImagesAreComputedInBandsOfRows) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1); // the fewer there are, the smaller are the bands
  // Of 4 MB and more before each layer whose input nothing else reads.
  const auto module = make_module(R"JIT(
def forward(self, x):
    features = [torch.conv2d(x, self.stem, None, [1, 1], [1, 1], [1, 1], 1)]
    x = torch.relu(self.bn_a(torch.cat(features, 1)))
    features.append(torch.conv2d(x, self.narrow, None, [1, 1], [0, 0], [1, 1], 1))
    x = torch.relu(self.bn_b(torch.cat(features, 1)))
    x = torch.avg_pool2d(torch.conv2d(x, self.halve, None, [1, 1], [0, 0], [1, 1], 1), [2, 2], [2, 2])
    x = torch.relu(self.bn_c(x))
    small = torch.conv2d(x, self.apart, None, [2, 2], [0, 0], [1, 1], 1)
    x = torch.pixel_shuffle(torch.conv2d(small, self.grow, None, [1, 1], [0, 0], [1, 1], 1), 2)
    return torch.max_pool2d(torch.conv2d(torch.relu(x), self.last, None, [1, 1], [0, 0], [1, 1], 1), 2)
)JIT",
                                  {{"stem", numbers_.weights({64, 3, 3, 3})},
                                   {"narrow", numbers_.weights({35, 64, 1, 1})},
                                   {"halve", numbers_.weights({128, 99, 1, 1})},
                                   {"apart", numbers_.weights({128, 128, 2, 2})},
                                   {"grow", numbers_.weights({512, 128, 1, 1})},
                                   {"last", numbers_.weights({9, 128, 1, 1})}},
                                  {{"a", 64}, {"b", 99}, {"c", 128}}, numbers_);
  for (const std::int64_t pixels : {128, 126, 103}) { // 103 rows are one band
    EXPECT_LT(difference(module, 3, false, pixels), 1e-5) << pixels;
  }
  at::set_num_threads(threads);
}

TEST_F(NetworkPlanTest, SumsAndJoinedChannelsOfAnyValuesAreThoseOfTheScript) {
  const bool has_bf16 = why_no_bf16().empty();
  for (const char* rest : {
           "return a + b",
           "return self.bn_b(torch.relu(a + b))",
           "return self.bn_b(torch.relu(torch.relu(a) + b))",
           "return torch.relu(a) + torch.relu(b)",
           "return a + b + a",
           "return a + a",
           "return torch.relu(self.bn_a(a) + b) + b",
           "return torch.relu(self.bn_a(torch.relu(a)) + self.bn_b(torch.relu(b)))",
           "return torch.sigmoid(a) + b",
           "return torch.sigmoid(a) + a",
           "return torch.cat([torch.sigmoid(a), a], 1)",
           "return torch.sigmoid(torch.cat([a], 1)) + a",
           "return torch.max_pool2d(torch.sigmoid(a), 2) + torch.max_pool2d(torch.sigmoid(b), 2)",
           "return torch.conv2d(torch.sigmoid(a), self.third, None, [1, 1], [1, 1], [1, 1], 1) + x",
           "return torch.conv2d(torch.sigmoid(a), self.fourth, None, [1, 1], [0, 0], [1, 1], 1)",
           "return self.bn_b(torch.relu(self.bn_a(torch.relu(self.bn_b(torch.relu(a)) + b))))",
           "return torch.cat([self.bn_a(a), torch.relu(b), a], 1)",
           "return torch.cat([a, a], 1)",
           "return torch.relu(torch.cat([a, b], 1) + torch.cat([b, a], 1))",
           "return torch.max_pool2d(torch.relu(a), 2) + torch.avg_pool2d(a + b, 2)",
           "return torch.avg_pool2d(self.bn_a(b), 2) + torch.avg_pool2d(torch.relu(b), 2)",
       }) {
    const auto module = make_module(two_convolutions + rest + "\n",
                                    {{"first", numbers_.weights({17, 3, 3, 3})},
                                     {"second", numbers_.weights({17, 3, 1, 1})},
                                     {"third", numbers_.weights({3, 17, 3, 3})},
                                     {"fourth", numbers_.weights({5, 17, 1, 1})}},
                                    {{"a", 17}, {"b", 17}}, numbers_);
    EXPECT_LT(difference(module, 3, false), 1e-5) << rest;
    if (has_bf16) {
      EXPECT_LT(difference(module, 3, true), 0.03) << rest;
    }
  }
}

TEST_F(NetworkPlanTest, ShuffledChannelsAreThoseOfTheScriptOrLeftToIt) {
  const auto module_of = [&](const std::string& shuffled) {
    return make_module(
        two_convolutions + "return torch.pixel_shuffle(" + shuffled + ", 2)\n",
        {{"first", numbers_.weights({20, 3, 3, 3})}, {"second", numbers_.weights({20, 3, 1, 1})}},
        {{"a", 20}}, numbers_);
  };
  for (const char* shuffled : {"a", "torch.relu(a)", "self.bn_a(a)", "self.bn_a(torch.relu(a))"}) {
    EXPECT_LT(difference(module_of(shuffled), 3, false), 1e-5) << shuffled;
  }
  for (const char* shuffled : {"a + b", "self.bn_a(torch.relu(a + b))", "torch.sigmoid(a)"}) {
    std::string why_not;
    auto graph = read_layer_graph(module_of(shuffled), 3, why_not);
    ASSERT_TRUE(graph) << why_not;
    EXPECT_FALSE(fold_layers(*graph)) << shuffled;
  }
}

TEST_F(NetworkPlanTest, OtherOperationsAreLeftToTheScript) {
  EXPECT_NE(reason("def forward(self, x):\n    return torch.tanh(x)\n").find("tanh"),
            std::string::npos);
  EXPECT_NE(reason("def forward(self, x):\n"
                   "    return torch.conv2d(x, self.weight, None, [1, 1], [1, 1], [2, 2], 1)\n"),
            "");
  EXPECT_NE(reason("def forward(self, x):\n    return torch.cat([x, x], 2)\n"), "");
  EXPECT_NE(reason("def forward(self, x):\n    return torch.add(x, x, alpha=2)\n"), "");
  EXPECT_NE(reason("def forward(self, x):\n    return torch.dropout(x, 0.5, True)\n"), "");
  EXPECT_EQ(reason("def forward(self, x):\n    y = [x]\n    for i in range(3):\n"
                   "        y.append(torch.relu(y[i]))\n    return torch.cat(y, 1)\n"),
            "prim::Loop");
}

TEST_F(NetworkPlanTest, AnImageThatIsReadAfterItWasChangedIsLeftToTheScript) {
  EXPECT_NE(
      reason("def forward(self, x):\n    y = torch.relu_(x)\n    return x + y\n").find("in place"),
      std::string::npos);
}

TEST_F(NetworkPlanTest, OverloadsOfOtherMeaningAreLeftToTheScript) {
  EXPECT_NE(reason("def forward(self, x):\n"
                   "    y = torch.relu(x)\n    torch.add(x, y, out=x)\n    return x\n")
                .find("add"),
            std::string::npos);
  EXPECT_NE(reason("def forward(self, x):\n"
                   "    return torch.cat([x] + [torch.relu(x)], 1)\n"),
            "");
}

TEST_F(NetworkPlanTest, WeightsThatAreNotFiniteOrOfOtherChannelsAreLeftToTheScript) {
  const std::string code =
      "def forward(self, x):\n    return torch.batch_norm(torch.relu(x), self.scale, self.scale, "
      "self.scale, self.scale, False, 0.1, 1e-5, True)\n";
  const at::Tensor damaged = at::full({4}, std::numeric_limits<float>::quiet_NaN());
  for (const at::Tensor& scale : {at::ones({1}), at::ones({6}), damaged}) {
    std::string why_not;
    EXPECT_FALSE(read_layer_graph(make_module(code, {{"scale", scale}}, {}, numbers_), 4, why_not));
    EXPECT_NE(why_not.find("weights"), std::string::npos) << why_not;
  }
}

TEST_F(NetworkPlanTest, ABufferThatForwardChangesIsLeftToTheScriptAndUnchanged) {
  const at::Tensor weight = at::ones({4, 4, 3, 3});
  std::string why_not;
  const auto module = make_module("def forward(self, x):\n    self.weight.mul_(2)\n"
                                  "    return torch.conv2d(x, self.weight)\n",
                                  {{"weight", weight}}, {}, numbers_);
  EXPECT_FALSE(read_layer_graph(module, 4, why_not));
  EXPECT_EQ(module.attr("weight").toTensor().max().item<float>(), 1);
}

TEST_F(NetworkPlanTest, ImagesOfDifferentExtentAreLeftToTheScript) {
  const std::string smaller = "def forward(self, x):\n    y = torch.max_pool2d(x, [32, 32])\n";
  for (const char* together : {"x + y", "y + x", "torch.cat([x, y], 1)"}) {
    EXPECT_NE(plan_reason(smaller + "    return " + together + "\n").find("different height"),
              std::string::npos)
        << together;
  }
  const std::string all = "torch.conv2d(x, self.weight, None, [1, 1], [1, 1], [1, 1], 1)";
  const std::string half = "torch.conv2d(x, self.weight, None, [2, 2], [1, 1], [1, 1], 1)";
  for (const std::string& together : {all + " + " + half, half + " + " + all}) {
    EXPECT_NE(plan_reason("def forward(self, x):\n    return " + together + "\n")
                  .find("different height"),
              std::string::npos)
        << together;
  }
}

TEST_F(NetworkPlanTest, WindowsThatLibTorchRefusesAreLeftToIt) {
  for (const char* refused :
       {"torch.conv2d(x, self.weight, None, [0, 0], [1, 1], [1, 1], 1)",
        "torch.conv2d(x, self.weight, None, [1, 1], [1000000000, 1000000000], [1, 1], 1)",
        "torch.conv2d(torch.max_pool2d(x, [16, 16]), self.weight, None, [2, 2], [0, 0], [1, 1], 1)",
        "torch.max_pool2d(x, [2, 2], [0, 0])", "torch.max_pool2d(torch.relu(x), [0, 0], [0, 0])",
        "torch.max_pool2d(x, [2, 2], [2, 2], [2, 2])", "torch.max_pool2d(x, [33, 33], [2, 2])",
        "torch.avg_pool2d(x, [40, 40], [40, 40])"}) {
    EXPECT_NE(plan_reason(std::string("def forward(self, x):\n    return ") + refused + "\n")
                  .find("a window of"),
              std::string::npos)
        << refused;
  }
}

TEST_F(NetworkPlanTest, PixelsThatAMeanTookAreLeftToTheScript) {
  const std::string mean = "def forward(self, x):\n    y = torch.mean(x, [2, 3])\n";
  for (const char* code :
       {"    return x + y\n", "    return torch.cat([x, y], 1)\n", "    return y + y\n",
        "    return torch.mean(y, [2, 3])\n",
        "    return torch.conv2d(y, self.weight, None, [1, 1], [1, 1], [1, 1], 1)\n"}) {
    EXPECT_NE(plan_reason(mean + code).find("on pixels"), std::string::npos) << code;
  }
}

TEST_F(NetworkPlanTest, MeanOfManyPixelsIsExactAndEndsTheImage) {
  const auto module = make_module(
      R"JIT(
def forward(self, x):
    y = torch.mean(torch.conv2d(x, self.weight, self.bias, [1, 1], [0, 0], [1, 1], 1), [2, 3])
    if x.dim() == 4 and y.dim() == 4:
        y = torch.relu(y)
    return y
)JIT",
      {{"weight", at::full({4, 3, 1, 1}, 1e-6)}, {"bias", at::tensor({-10.1F, 9.3F, -2.3F, 1.1F})}},
      {}, numbers_);
  EXPECT_LT(difference(module, 3, false), 1e-6);
}

} // namespace
} // namespace cordlesion::inference
