"""The architectures: size, shapes, and that what is exported computes what was trained."""

import sys
import unittest
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "training"))
from networks import DenseNetClassifier, MultiResUNet, parameter_count, with_shuffle_upsampling, within_half_precision  # noqa: E402


def randomised(network: torch.nn.Module) -> torch.nn.Module:
    """Batch norms with statistics and biases that are not the identity, in eval mode."""
    torch.manual_seed(1)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.2)
    return network.eval()


class Segmenter(unittest.TestCase):
    def setUp(self):
        self.network = randomised(MultiResUNet())

    def test_has_7_2_million_parameters(self):
        self.assertEqual(parameter_count(self.network), 7_244_528)

    def test_gives_a_probability_per_pixel(self):
        with torch.no_grad():
            probability = self.network(torch.rand(2, 1, 64, 48))
        self.assertEqual(probability.shape, (2, 1, 64, 48))
        self.assertTrue(((probability > 0) & (probability < 1)).all())

    def test_shuffle_upsampling_computes_the_transposed_convolution(self):
        converted = with_shuffle_upsampling(self.network)
        kinds = {type(module).__name__ for module in converted.modules()}
        self.assertNotIn("ConvTranspose2d", kinds)
        self.assertIn("ConvTranspose2d", {type(module).__name__ for module in self.network.modules()})
        image = torch.rand(2, 1, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(converted.logits(image), self.network.logits(image), rtol=1e-4, atol=1e-5)

    def test_upsampling_keeps_the_place_of_every_pixel(self):
        transposed = torch.nn.ConvTranspose2d(3, 2, 2, stride=2)
        converted = with_shuffle_upsampling(torch.nn.Sequential(transposed))
        x = torch.randn(1, 3, 5, 4)
        torch.testing.assert_close(converted(x), transposed(x))

    def test_features_too_large_for_half_precision_are_scaled_without_a_difference(self):
        conv, norm = self.network.decoder[0].conv3
        with torch.no_grad():
            conv.weight.mul_(300)
        norm.running_var.copy_(torch.linspace(1, 90000, len(norm.running_var)))
        scaled = within_half_precision(self.network)
        variance = scaled.decoder[0].conv3[1].running_var
        self.assertLessEqual(variance.max(), 2**14)
        self.assertEqual(variance[0], 1)  # small ones stay
        self.assertEqual(norm.running_var.max(), 90000)  # as does the network itself
        image = torch.rand(1, 1, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(scaled.logits(image), self.network.logits(image), rtol=1e-5, atol=1e-5)

    def test_scripted_network_is_the_eager_one(self):
        image = torch.rand(1, 1, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(torch.jit.script(self.network)(image), self.network(image))


class Classifier(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = randomised(DenseNetClassifier())
        with torch.no_grad():  # what speaks against one class speaks for the other: one map is not empty
            cls.network.output.weight[1] = -cls.network.output.weight[0]
        cls.scripted = torch.jit.script(cls.network)
        cls.images = torch.rand(3, 3, 96, 64)

    def test_has_7_1_million_parameters(self):
        self.assertEqual(parameter_count(self.network), 7_085_314)

    def test_takes_any_number_of_channels(self):
        with torch.no_grad():
            self.assertEqual(DenseNetClassifier(2).eval()(torch.rand(2, 2, 64, 64)).shape, (2, 2))

    def test_scripted_network_is_the_eager_one(self):
        with torch.no_grad():
            torch.testing.assert_close(self.scripted(self.images), self.network(self.images))

    def test_grad_cam_is_what_autograd_gives(self):
        largest = []
        for class_index in (0, 1):
            logits, maps = self.scripted.grad_cam(self.images, class_index)
            expected_logits, expected = self.autograd_cam(class_index)
            self.assertEqual(maps.shape, (3, 3, 2))
            torch.testing.assert_close(logits, expected_logits)
            torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5)
            largest.append(float(maps.max()))
        self.assertEqual(max(largest), 1)

    def autograd_cam(self, class_index: int):
        features = self.network.feature_maps(self.images).detach().requires_grad_()
        hidden = torch.relu(self.network.hidden(features.mean([2, 3])))
        logits = self.network.output(hidden)
        (gradient,) = torch.autograd.grad(logits[:, class_index].sum(), features)
        maps = torch.relu((gradient.mean([2, 3], keepdim=True) * features).sum(1)).detach()
        for image in range(len(maps)):
            if maps[image].max() > 0:
                maps[image] /= maps[image].max()
        return logits.detach(), maps

    def test_grad_cam_without_activation_is_zero(self):
        network = DenseNetClassifier().eval()
        with torch.no_grad():
            network.hidden.bias.fill_(-1e6)
            _, maps = network.grad_cam(self.images, 1)
        self.assertTrue((maps == 0).all())


if __name__ == "__main__":
    unittest.main()
