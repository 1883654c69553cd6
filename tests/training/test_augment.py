"""Random views and intensities: what stays where, and what keeps its range."""

import sys
import unittest
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "training"))
from augment import Variation, draw_unvaried, gaussian_blur, random_views, sample, vary_intensity  # noqa: E402

STILL = Variation(rotation_degrees=0, shift=0, zoom=(1, 1), flip_rows=False, flip_columns=False)


class Views(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.images = torch.rand(64, 1, 32, 32)
        self.masks = (self.images > 0.8).float()
        self.middle = torch.full((64, 2), 15.5)

    def view(self, variation: Variation, rows: int = 32, columns: int = 32, centres=None):
        grid = random_views(variation, self.middle if centres is None else centres, 32, rows, columns)
        return sample(self.images, self.masks, grid)

    def test_without_variation_nothing_changes(self):
        images, masks = self.view(STILL)
        torch.testing.assert_close(images, self.images, rtol=0, atol=1e-4)
        self.assertTrue(torch.equal(masks, self.masks))

    def test_a_window_is_cut_out_where_it_is_asked_for(self):
        images, masks = self.view(STILL, 16, 8, torch.tensor([[9.5, 23.5]]).expand(64, 2))
        torch.testing.assert_close(images, self.images[:, :, 2:18, 20:28], rtol=0, atol=1e-4)
        self.assertTrue(torch.equal(masks, self.masks[:, :, 2:18, 20:28]))

    def test_what_lies_outside_is_zero(self):
        images, _ = self.view(STILL, centres=torch.full((64, 2), -15.5))
        self.assertEqual(images[:, :, :15].abs().max(), 0)

    def test_flips_are_along_rows_or_columns_and_take_the_mask_along(self):
        for variation, axis in ((STILL._replace(flip_rows=True), 2), (STILL._replace(flip_columns=True), 3)):
            images, masks = self.view(variation)
            flipped = [torch.allclose(image, source.flip(axis - 1), atol=1e-4) for image, source in zip(images, self.images)]
            same = [torch.allclose(image, source, atol=1e-4) for image, source in zip(images, self.images)]
            self.assertTrue(all(a != b for a, b in zip(flipped, same)))
            self.assertTrue(0.2 < sum(flipped) / 64 < 0.8)
            expected = torch.stack([m.flip(axis - 1) if f else m for f, m in zip(flipped, self.masks)])
            self.assertTrue(torch.equal(masks, expected))

    def test_rotation_and_zoom_move_image_and_mask_together(self):
        block = torch.zeros(64, 1, 32, 32)
        block[:, :, 12:16, 14:22] = 1
        self.images = self.masks = block
        images, masks = self.view(Variation(90, 4, (0.8, 1.25), True, True))
        self.assertLess(((images > 0.5).float() - masks).abs().mean(), 0.01)
        area = masks.sum([1, 2, 3])
        self.assertTrue((area > 32 * 0.55).all() and (area < 32 * 1.8).all() and area.std() > 2)

    def test_unvaried_ones_are_only_cut_out(self):
        unvaried = torch.arange(64) % 2 == 0
        centres = torch.tensor([[9.5, 23.5]]).expand(64, 2)
        images, _ = sample(self.images, self.masks, random_views(Variation(90, 4, (0.8, 1.25), True, True), centres, 32, 16, 8, unvaried))
        same = ((images - self.images[:, :, 2:18, 20:28]).abs() < 1e-4).flatten(1).all(1)
        self.assertTrue(torch.equal(same, unvaried))

    def test_unvaried_ones_are_half_of_a_batch_in_the_last_part_of_the_budget(self):
        shares = [float(draw_unvaried(2000, progress, torch.device("cpu")).float().mean()) for progress in (0, 0.64, 0.65, 1)]
        self.assertEqual(shares[:2], [0, 0])
        for share in shares[2:]:
            self.assertAlmostEqual(share, 0.5, delta=0.05)


class Intensity(unittest.TestCase):
    def test_stays_an_image_in_0_to_1_and_does_vary(self):
        torch.manual_seed(2)
        images = torch.rand(16, 1, 32, 32)
        varied = vary_intensity(images)
        self.assertEqual(varied.shape, images.shape)
        self.assertTrue(torch.isfinite(varied).all() and varied.min() >= 0 and varied.max() <= 1)
        self.assertTrue(((varied - images).abs().mean([1, 2, 3]) > 0.01).all())

    def test_blur_keeps_the_sum_and_has_its_own_width_per_image(self):
        images = torch.zeros(2, 1, 15, 15)
        images[:, :, 7, 7] = 1
        blurred = gaussian_blur(images, torch.tensor([0.5, 1.0]))
        torch.testing.assert_close(blurred.sum([1, 2, 3]), torch.ones(2))
        expected = torch.exp(torch.tensor(-0.5 * 1 / 0.25))  # neighbour relative to the middle
        torch.testing.assert_close(blurred[0, 0, 7, 8] / blurred[0, 0, 7, 7], expected)
        self.assertGreater(blurred[0, 0, 7, 7], blurred[1, 0, 7, 7])


if __name__ == "__main__":
    unittest.main()
