"""Which slices make up a training batch: classes in equal shares, whatever their frequency."""

from typing import Dict, List, Sequence

import numpy as np
import torch

from cohort import LABELS, Slices


HEALTHY_SHARE = 0.5
"""Of the slices without lesion: from healthy cases."""


def pick(pool: Sequence[int]) -> int:
    return int(pool[int(torch.randint(len(pool), (1,)))])


class SegmentationSampler:
    """Slices of the training cases: a stated share with lesion, the rest without, half of these from healthy cases and half from the others;
    labels evenly in each part. In healthy cases they are taken at depths where others have lesions: there the cord is."""

    def __init__(self, slices: Slices, lesion_share: float):
        self.lesion_share = lesion_share
        self.with_lesion: Dict[str, List[int]] = {}
        self.without: Dict[str, List[int]] = {}
        self.healthy: List[range] = []
        self.depths: List[float] = []
        """Of all slices with lesion, as a share of the slices of their case."""
        for case in slices.in_split("train"):
            part, label = slices.indices_of_case(case), slices.cases[case].label
            if label == "healthy":
                self.healthy.append(part)
                continue
            for index in part:
                pools = self.with_lesion if slices.lesion_pixels[index] else self.without
                pools.setdefault(label, []).append(index)
            self.depths += [(index - part.start + 0.5) / len(part) for index in part if slices.lesion_pixels[index]]

    def draw(self, count: int) -> List[int]:
        lesions = count if not (self.without or self.healthy) else round(count * self.lesion_share)
        healthy = round((count - lesions) * HEALTHY_SHARE) if self.healthy and self.without else (count - lesions) * bool(self.healthy)
        others = count - lesions - healthy
        return [*self.evenly(self.with_lesion, lesions), *self.evenly(self.without, others), *(self.healthy_slice() for _ in range(healthy))]

    def healthy_slice(self) -> int:
        part = self.healthy[pick(range(len(self.healthy)))]
        return part[int(self.depths[pick(range(len(self.depths)))] * len(part))]

    @staticmethod
    def evenly(pools: Dict[str, List[int]], count: int) -> List[int]:
        """As many of each label as `count` allows, the remainder to labels at random."""
        labels = [label for label in LABELS if label in pools]
        order = torch.randperm(len(labels)).tolist() if labels else []
        return [pick(pools[labels[order[i % len(order)]]]) for i in range(count)]


def lesion_pixel(mask: np.ndarray) -> np.ndarray:
    """Row and column of a random lesion pixel."""
    return np.array(divmod(pick(np.flatnonzero(mask)), mask.shape[1]), dtype=np.float32)
