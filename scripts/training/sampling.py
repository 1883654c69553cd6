"""Which slices make up a training batch: classes in equal shares, whatever their frequency."""

from typing import Dict, List, Sequence

import numpy as np
import torch

from cohort import LESION_LABELS, Slices

HEALTHY_SHARE = 0.5
"""Of the slices without lesion: from healthy cases."""
ANYWHERE_SHARE = 0.25
"""Of what is looked at without lesion: not where lesions are in other slices or cases, so that the network knows what is far from the cord."""


def pick(pool: Sequence[int]) -> int:
    return int(pool[int(torch.randint(len(pool), (1,)))])


def rounded(number: float) -> int:
    """Up or down at random, so that it is the number on average."""
    return int(number + float(torch.rand(())))


class SegmentationSampler:
    """Slices of the training cases: a stated share with lesion; of the rest half from healthy cases, half from cases with lesion; labels evenly.
    Most healthy slices come from depths at which lesions occur, where the cord most likely is."""

    def __init__(self, slices: Slices, lesion_share: float):
        self.lesion_share = lesion_share
        self.with_lesion: Dict[str, List[int]] = {}
        self.without: Dict[str, List[int]] = {}
        self.healthy: List[range] = []
        self.depth: Dict[int, float] = {}
        """Of each slice of these cases, as a share of the slices of its case."""
        for case in slices.in_split("train"):
            indices, label = slices.indices_of_case(case), slices.cases[case].label
            if label == "healthy":
                self.healthy.append(indices)
                continue
            for index in indices:
                pools = self.with_lesion if slices.lesion_pixels[index] else self.without
                pools.setdefault(label, []).append(index)
                self.depth[index] = (index - indices.start + 0.5) / len(indices)

    def draw(self, count: int) -> List[int]:
        lesions = rounded(count * self.lesion_share) if self.without or self.healthy else count
        others = count - lesions
        if self.healthy:
            others = rounded(others * (1 - HEALTHY_SHARE)) if self.without else 0
        healthy = count - lesions - others
        return [*self.evenly(self.with_lesion, lesions), *self.evenly(self.without, others), *(self.healthy_slice() for _ in range(healthy))]

    def slice_with_lesion(self) -> int:
        return self.evenly(self.with_lesion, 1)[0]

    def healthy_slice(self) -> int:
        indices = self.healthy[pick(range(len(self.healthy)))]
        if float(torch.rand(())) < ANYWHERE_SHARE:
            return pick(indices)
        return indices[int(self.depth[self.slice_with_lesion()] * len(indices))]

    @staticmethod
    def evenly(pools: Dict[str, List[int]], count: int) -> List[int]:
        """As many of each label as `count` allows, the remainder to labels at random."""
        labels = [label for label in LESION_LABELS if label in pools]
        order = torch.randperm(len(labels)).tolist() if labels else []
        return [pick(pools[labels[order[i % len(order)]]]) for i in range(count)]


def lesion_pixel(mask: np.ndarray) -> np.ndarray:
    """Row and column of a random lesion pixel."""
    return np.array(divmod(pick(np.flatnonzero(mask)), mask.shape[1]), dtype=np.float32)
