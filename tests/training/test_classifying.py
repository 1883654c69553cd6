"""Windows around the lesion: their channels, their masks, and what becomes of them on whole slices."""

import sys
import unittest
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "training"))
from classifying import SharedClassifier  # noqa: E402
from train_classifiers import loss_of_numbers, middle_of, vary_masks  # noqa: E402
from untrained import node_input  # noqa: E402


def mask_with(*boxes, size=96):
    mask = torch.zeros(1, 1, size, size)
    for rows, columns in boxes:
        mask[0, 0, rows, columns] = 1
    return mask


class Windows(unittest.TestCase):
    def test_the_image_near_the_mask_is_that_within_sixteen_pixels(self):
        mask = mask_with((slice(3, 5), slice(40, 42)), (slice(70, 71), slice(90, 95)))
        image = torch.rand(1, 1, 96, 96) + 0.1
        near = ndimage.maximum_filter(mask[0, 0].numpy(), 33, mode="constant") > 0
        channels = node_input(["t2_near_mask", "t2_in_mask", "mask"], image, mask)
        np.testing.assert_array_equal(channels[0, 0].numpy(), np.where(near, image[0, 0].numpy(), 0))
        np.testing.assert_array_equal(channels[0, 1].numpy(), (image * mask)[0, 0].numpy())

    def test_the_middle_is_that_of_the_box_around_all_lesions(self):
        mask = mask_with((slice(10, 21), slice(30, 41)), (slice(50, 51), slice(60, 61)))
        torch.testing.assert_close(middle_of(mask[0, 0]), torch.tensor([30.0, 45.0]))

    def test_varied_masks_grow_or_shrink_by_a_pixel_and_never_vanish(self):
        torch.manual_seed(1)
        masks = torch.cat([mask_with((slice(20, 30), slice(20, 26)))] * 60 + [mask_with((slice(20, 21), slice(20, 26)))] * 60)
        areas = vary_masks(masks).sum([1, 2, 3]).tolist()
        self.assertEqual(set(areas[:60]), {60, 12 * 8, 8 * 4})
        self.assertEqual(set(areas[60:]), {6, 3 * 8})

    def test_rescaled_dense_layers_give_on_whole_slices_what_they_gave_on_windows_and_back(self):
        """Exact where features are local; those of a DenseNet also see the border."""
        torch.manual_seed(2)
        network = SharedClassifier(["ms_vs_nmosd", "astrocytoma_vs_ependymoma"], 3, numbers=["length", "width"]).eval()
        network.features = torch.nn.Sequential(torch.nn.Conv2d(3, 1024, 1))
        window = torch.rand(2, 3, 40, 24)
        whole = torch.zeros(2, 3, 64, 64)
        whole[:, :, 8:48, 16:40] = window
        share = 40 * 24 / 64**2
        with torch.no_grad():
            before = network(window)
            network.rescale(share, 64)
            after = network(whole)
            network.rescale(1 / share, 64)
            back = network(window)
        self.assertEqual([tuple(values.shape) for values in before.values()], [(2, 2)] * 3)
        for node, logits in before.items():
            torch.testing.assert_close(after[node], logits, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(back[node], logits, rtol=1e-3, atol=1e-4)

    def test_numbers_that_are_not_known_add_no_loss(self):
        found, unknown = torch.tensor([[0.5, 7.0], [3.0, 1.0]], requires_grad=True), float("nan")
        loss = loss_of_numbers(found, torch.tensor([[0.0, unknown], [0.0, 1.0]]))
        self.assertAlmostEqual(float(loss), (0.5 * 0.5**2 + (3 - 0.5) + 0) / 3, places=6)
        nothing = loss_of_numbers(found, torch.full((2, 2), unknown))
        nothing.backward()
        self.assertEqual((float(nothing), float(found.grad.abs().sum())), (0, 0))


if __name__ == "__main__":
    unittest.main()
