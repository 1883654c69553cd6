"""What the segmenter is trained on and for: windows and loss."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from toy_cohort import write_cohort
import train_segmenter
from cohort import LABELS, open_slices


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


class Batches(unittest.TestCase):
    """Cohorts of three slices a case, of which the last two have a lesion."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        write_cohort(Path(folder.name), size=64, counts={"train": 2, "val": 1})
        self.slices = open_slices(Path(folder.name))
        options = train_segmenter.parse_arguments([folder.name, "-o", folder.name, "--device", "cpu"])
        self.task = train_segmenter.SegmenterTask(self.slices, options, torch.device("cpu"))

    def check_near(self, centres: torch.Tensor, masks: np.ndarray) -> None:
        """Windows of 16 x 16 pixels around `centres` reach a marked pixel."""
        marked = torch.from_numpy(np.argwhere(masks.any(0))).float()
        inside = marked.clamp(7.5, 55.5)  # a window ends at the edge of the slice
        away = (centres[:, None] - inside).abs().amax(-1).amin(1)
        self.assertLessEqual(float(away.max()), 7)

    def test_windows_lie_where_lesions_are_also_in_slices_that_have_none(self):
        for case in range(len(self.slices.cases)):
            if self.slices.cases[case].label != "healthy":
                part = self.slices.of_case(case)
                self.assertEqual(self.slices.lesion_pixels[part.start], 0)
                self.check_near(self.task.centres([part.start] * 100, (16, 16)), self.slices.masks[part])

    def test_windows_of_healthy_cases_lie_where_training_cases_have_lesions(self):
        cases = self.slices.cases
        healthy = next(case for case in range(len(cases)) if cases[case].label == "healthy")
        trained_on = np.concatenate([self.slices.masks[self.slices.of_case(case)] for case in self.slices.in_split("train")])
        centres = self.task.centres([int(self.slices.first[healthy])] * 200, (16, 16))
        self.check_near(centres, trained_on)
        self.assertGreater(float(centres.std(0).min()), 3)

    def test_half_of_the_slices_without_lesion_are_of_healthy_cases_at_depths_where_others_have_one(self):
        part_of = {index: case for case in range(len(self.slices.cases)) for index in self.slices.indices_of_case(case)}
        for _ in range(20):
            drawn = self.task.sampler.draw(16)
            labels = [self.slices.cases[part_of[index]].label for index in drawn]
            self.assertEqual(sum(self.slices.lesion_pixels[index] > 0 for index in drawn), 8)
            self.assertEqual([labels.count(label) for label in LABELS], [3, 3, 3, 3, 4])
            for index, label in zip(drawn, labels):
                self.assertEqual(self.slices.cases[part_of[index]].split, "train")
                if label == "healthy":
                    self.assertGreater(index, self.slices.first[part_of[index]])


if __name__ == "__main__":
    unittest.main()
