"""What the segmenter is trained on and for: windows and loss."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from toy_cohort import write_cohort
import train_segmenter
from cohort import open_slices


def lesion(rows: int, columns: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, 32, 32)
    mask[:, :, :rows, :columns] = 1
    return mask


def logits_of(mask: torch.Tensor) -> torch.Tensor:
    return (mask - 0.5) * 40


class Loss(unittest.TestCase):
    def test_of_a_perfect_batch_is_nothing(self):
        masks = torch.cat([lesion(8, 8), lesion(0, 0)])
        self.assertAlmostEqual(float(train_segmenter.segmentation_loss(logits_of(masks), masks)), 0, places=5)

    def test_is_half_dice_of_the_batch_half_of_the_slices_with_lesion(self):
        masks = torch.cat([lesion(20, 20), lesion(2, 2), lesion(0, 0)])
        found = torch.cat([lesion(20, 20), lesion(0, 0), lesion(1, 3)])
        batch, slices = (2 * 400 + 1) / (404 + 403 + 1), (1 + 1 / (4 + 1)) / 2
        entropy = 20 * (4 + 3) / masks.numel()  # each wrong pixel costs its logit
        loss = float(train_segmenter.segmentation_loss(logits_of(found), masks))
        self.assertAlmostEqual(loss, 1 - (batch + slices) / 2 + entropy, places=4)

    def test_of_a_batch_without_lesion_is_defined(self):
        loss = train_segmenter.segmentation_loss(logits_of(lesion(1, 3)), lesion(0, 0))
        self.assertAlmostEqual(float(loss), 1 - 1 / 4 + 20 * 3 / 1024, places=4)


class Windows(unittest.TestCase):
    def test_lie_where_lesions_are_also_in_slices_that_have_none(self):
        with tempfile.TemporaryDirectory() as folder:
            write_cohort(Path(folder), size=64, counts={"train": 2, "val": 1})
            slices = open_slices(Path(folder))
            options = train_segmenter.parse_arguments([folder, "-o", folder, "--device", "cpu"])
            task = train_segmenter.SegmenterTask(slices, options, torch.device("cpu"))
            for case, part in enumerate(map(slices.of_case, range(len(slices.cases)))):
                first = part.start
                self.assertEqual(slices.lesion_pixels[first], 0)
                centres = task.centres([first] * 100, (16, 16))
                if slices.cases[case].label == "healthy":
                    self.assertGreater(float(centres.std(0).min()), 10)
                    continue
                marked = torch.from_numpy(np.argwhere(slices.masks[part].any(0))).float()
                inside = marked.clamp(7.5, 55.5)  # a window ends at the edge of the slice
                away = (centres[:, None] - inside).abs().amax(-1).amin(1)
                self.assertLessEqual(float(away.max()), 7)


if __name__ == "__main__":
    unittest.main()
