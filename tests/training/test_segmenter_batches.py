"""What the segmenter is trained on and for: slices, windows and loss."""

import tempfile
import unittest
from collections import Counter
from pathlib import Path
from typing import Tuple
from unittest import mock

import numpy as np
import torch

from toy_cohort import write_cohort
import train_segmenter
from cohort import Case, Slices, open_slices
from sampling import SegmentationSampler


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
        entropy = 20 * (4 + 3) / 62  # hardest of 3 x 1024 pixels; each wrong pixel costs its logit
        loss = float(train_segmenter.segmentation_loss(logits_of(found), masks))
        self.assertAlmostEqual(loss, 1 - (batch + slices) / 2 + entropy, places=4)

    def test_of_a_batch_without_lesion_is_defined(self):
        loss = train_segmenter.segmentation_loss(logits_of(lesion(1, 3)), lesion(0, 0))
        self.assertAlmostEqual(float(loss), 1 - 1 / 4 + 20 * 3 / 21, places=4)

    def test_takes_the_cross_entropy_of_the_hardest_pixels_alone(self):
        few, many = (float(train_segmenter.segmentation_loss(logits_of(lesion(rows, 10)), lesion(0, 0))) for rows in (3, 30))
        self.assertAlmostEqual(few, 1 - 1 / 31 + 20, places=4)
        self.assertAlmostEqual(many, 1 - 1 / 301 + 20, places=4)


class Windows(unittest.TestCase):
    """In cohorts of three slices a case, of which the last two have a lesion."""

    def setUp(self):
        torch.manual_seed(1)

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            write_cohort(Path(folder), size=64, counts={"train": 2, "val": 1})
            cls.slices = open_slices(Path(folder))
            options = train_segmenter.parse_arguments([folder, "-o", folder, "--device", "cpu"])
            cls.task = train_segmenter.SegmenterTask(cls.slices, options, torch.device("cpu"))

    def away(self, centres: torch.Tensor, masks: np.ndarray) -> torch.Tensor:
        """How far from `centres` of windows of 16 x 16 pixels the nearest marked pixel is, by rows or columns; a window ends at the edge of the slice."""
        marked = torch.from_numpy(np.argwhere(masks.any(0))).float()
        return (centres[:, None] - marked.clamp(7.5, 55.5)).abs().amax(-1).amin(1)

    def masks_of(self, cases) -> np.ndarray:
        return np.concatenate([self.slices.masks[self.slices.of_case(case)] for case in cases])

    def test_lie_where_lesions_are_and_mostly_so_in_slices_that_have_none(self):
        for case in range(len(self.slices.cases)):
            if self.slices.cases[case].label != "healthy":
                first = int(self.slices.first[case])
                self.assertEqual(self.slices.lesion_pixels[first], 0)
                away = self.away(self.task.centres([first] * 400, (16, 16)), self.masks_of([case]))
                self.assertAlmostEqual(float((away <= 7).float().mean()), 0.8, delta=0.1)
                self.assertGreater(float(away.max()), 20)
                away = self.away(self.task.centres([first + 1] * 100, (16, 16)), self.masks_of([case]))
                self.assertLessEqual(float(away.max()), 7)

    @mock.patch.object(train_segmenter, "ANYWHERE_SHARE", 0)
    def test_of_healthy_cases_lie_where_training_cases_have_lesions(self):
        healthy = next(index for index, case in enumerate(self.slices.cases) if case.label == "healthy")
        train = self.slices.in_split("train")
        centres = self.task.centres([int(self.slices.first[healthy])] * 300, (16, 16))
        self.assertLessEqual(float(self.away(centres, self.masks_of(train)).max()), 7)
        for case in train:
            if self.slices.cases[case].label != "healthy":
                self.assertGreater(float(self.away(centres, self.masks_of([case])).max()), 7, "always near the same lesion")

    def test_in_the_end_some_are_shown_as_they_are(self):
        """Windows too: with exactly the pixels that the slice has there."""
        index = self.slices.indices_of_case(self.slices.in_split("train")[0])[1]
        for crop in (None, (16, 32)):
            whole = torch.tensor(np.stack([part[index] for part in (self.slices.images, self.slices.masks)]), dtype=torch.float32)
            rows, columns = crop or whole.shape[-2:]
            places = whole.unfold(1, rows, 1).unfold(2, columns, 1).flatten(1, 2)  # [2,places,rows,columns]
            for progress, some in ((0.6, False), (0.75, True)):
                drawn = mock.patch.object(self.task.sampler, "draw", return_value=[index] * 16)
                with drawn, mock.patch.multiple(self.task.options, batch=16, crop=crop):
                    images, masks = self.task.batch(progress)
                same = [((shown - places).abs() < 1e-3).all(3).all(2).all(0).any() for shown in torch.cat([images, masks], 1)[:, :, None]]
                self.assertEqual(any(same), some)
                self.assertFalse(all(same))


class Sampling(unittest.TestCase):
    """Cases are given as their label, their number of slices and those of them that have a lesion."""

    def setUp(self):
        torch.manual_seed(1)

    def sampler(self, *cases, share: float = 0.5) -> SegmentationSampler:
        self.case_of, marked = [], []
        for case, (label, count, with_lesion, *_) in enumerate(cases):
            self.case_of += [case] * count
            marked += [index in with_lesion for index in range(count)]
        self.labels = [label for label, *_ in cases]
        first = np.concatenate([[0], np.cumsum([count for _, count, *_ in cases])])
        rows = [Case(str(index), str(index), label, *(split or ["train"]), Path(), None) for index, (label, _, _, *split) in enumerate(cases)]
        self.marked = np.array(marked)
        none = np.empty((len(marked), 0, 0))
        return SegmentationSampler(Slices("", rows, first, np.ones(len(cases)), self.marked.astype(int), none, none), share)

    def drawn(self, sampler: SegmentationSampler, count: int, times: int) -> Tuple[Counter, Counter]:
        """Of each label how many with lesion, how many without, over many batches."""
        found = Counter(), Counter()
        for _ in range(times):
            drawn = sampler.draw(count)
            self.assertEqual(len(drawn), count)
            for index in drawn:
                found[0 if self.marked[index] else 1][self.labels[self.case_of[index]]] += 1
        return found

    CASES = (("ms", 4, [1]), ("healthy", 3, []), ("nmosd", 9, range(8)), ("astrocytoma", 2, [1], "val"), ("healthy", 2, [], "val"))

    def test_half_of_the_slices_without_lesion_are_of_healthy_cases(self):
        with_lesion, without = self.drawn(self.sampler(*self.CASES), 16, times=1)
        self.assertEqual((with_lesion, without), ({"ms": 4, "nmosd": 4}, {"healthy": 4, "ms": 2, "nmosd": 2}))

    def test_small_batches_have_these_shares_on_average(self):
        with_lesion, without = self.drawn(self.sampler(*self.CASES, share=0.7), 4, times=500)
        for found, share in ((sum(with_lesion.values()), 0.7), (without["healthy"], 0.15), (without["ms"], 0.075)):
            self.assertAlmostEqual(found / 2000, share, delta=0.03)

    def test_what_a_cohort_lacks_is_made_up_by_the_rest(self):
        ms, full, healthy = ("ms", 4, [1]), ("ms", 2, [0, 1]), ("healthy", 3, [])
        for cases, share, expected in (
            ([ms], 0.5, (20, 0, 20)), ([full, healthy], 0.5, (20, 20, 0)), ([full], 0.5, (40, 0, 0)), ([full], 0.0, (40, 0, 0)),
            ([ms, healthy], 0.0, (0, 20, 20)), ([ms, healthy], 1.0, (40, 0, 0)),
        ):
            with self.subTest(cases=cases, share=share):
                with_lesion, without = self.drawn(self.sampler(*cases, share=share), 4, times=10)
                self.assertEqual((with_lesion["ms"], without["healthy"], without["ms"]), expected)

    def test_most_healthy_slices_come_from_depths_of_lesions(self):
        sampler = self.sampler(("ms", 4, [0, 3]), ("healthy", 10, []), ("healthy", 1, []))
        drawn = Counter(sampler.healthy_slice() for _ in range(2000))
        self.assertEqual(set(drawn), set(range(4, 15)))
        self.assertAlmostEqual((drawn[4 + 1] + drawn[4 + 8] + drawn[14]) / 2000, 0.9, delta=0.05)


if __name__ == "__main__":
    unittest.main()
