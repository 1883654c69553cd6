"""Which slices make up a training batch: classes in equal shares, whatever their frequency."""

from typing import Dict, List, Sequence

import numpy as np
import torch

from cohort import LABELS, Slices


def pick(pool: Sequence[int]) -> int:
    return int(pool[int(torch.randint(len(pool), (1,)))])


class SegmentationSampler:
    """Slices of the training cases: a stated share with lesion, the rest without; labels evenly in each."""

    def __init__(self, slices: Slices, lesion_share: float):
        self.lesion_share = lesion_share
        self.with_lesion: Dict[str, List[int]] = {}
        self.without: Dict[str, List[int]] = {}
        for case in slices.in_split("train"):
            for index in slices.indices_of_case(case):
                pools = self.with_lesion if slices.lesion_pixels[index] else self.without
                pools.setdefault(slices.cases[case].label, []).append(index)

    def draw(self, count: int) -> List[int]:
        lesions = count if not self.without else round(count * self.lesion_share)
        return [*self.evenly(self.with_lesion, lesions), *self.evenly(self.without, count - lesions)]

    @staticmethod
    def evenly(pools: Dict[str, List[int]], count: int) -> List[int]:
        """As many of each label as `count` allows, the remainder to labels at random."""
        labels = [label for label in LABELS if label in pools]
        order = torch.randperm(len(labels)).tolist() if labels else []
        return [pick(pools[labels[order[i % len(order)]]]) for i in range(count)]


def lesion_pixel(mask: np.ndarray) -> np.ndarray:
    """Row and column of a random lesion pixel."""
    return np.array(divmod(pick(np.flatnonzero(mask)), mask.shape[1]), dtype=np.float32)
