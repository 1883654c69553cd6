"""The segmenter's threshold and smallest lesion, chosen on validation cases."""

from typing import Dict, List, NamedTuple

import numpy as np
from scipy import ndimage

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
SMALLEST_MM3 = (0.0, 10.0, 25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 200.0, 250.0)
HEALTHY_WITH_LESION = 0.05
"""Largest share of healthy cases in which a lesion may be found, unless another one is asked for."""


class CaseComponents(NamedTuple):
    """One case's 26-connected components at each threshold: rows of (voxels, voxels that are lesion)."""

    label: str
    voxel_mm3: float
    lesion_voxels: int
    components: Dict[float, np.ndarray]


class OperatingPoint(NamedTuple):
    threshold: float
    min_lesion_mm3: float
    score: float
    figures: Dict[str, float]


def components_of(marked: np.ndarray, truth: np.ndarray) -> np.ndarray:
    boxes = ndimage.find_objects(marked.astype(np.uint8))
    if not boxes or boxes[0] is None:
        return np.zeros((0, 2), np.int64)
    labels, count = ndimage.label(marked[boxes[0]], np.ones((3, 3, 3)))
    voxels = np.bincount(labels.ravel(), minlength=count + 1)
    lesion = np.bincount(labels.ravel(), truth[boxes[0]].ravel(), minlength=count + 1)
    return np.stack([voxels, lesion], 1)[1:].astype(np.int64)


def measure_case(label: str, voxel_mm3: float, probability: np.ndarray, truth: np.ndarray) -> CaseComponents:
    found = {threshold: components_of(probability >= threshold, truth) for threshold in THRESHOLDS}
    return CaseComponents(label, voxel_mm3, int(truth.sum()), found)


def kept_voxels(case: CaseComponents, threshold: float, min_mm3: float) -> np.ndarray:
    """(marked voxels, of them lesion) after removing components smaller than `min_mm3`."""
    components = case.components[threshold]
    return components[components[:, 0] * case.voxel_mm3 >= min_mm3].sum(0)


def figures_at(cases: List[CaseComponents], threshold: float, min_mm3: float) -> Dict[str, float]:
    """Mean Dice by label, share of lesion cases in which a lesion voxel is found, share of healthy cases with a lesion."""
    dice: Dict[str, List[float]] = {}
    found, healthy = [], []
    for case in cases:
        marked, lesion = kept_voxels(case, threshold, min_mm3)
        if case.lesion_voxels:
            dice.setdefault(case.label, []).append(2 * lesion / (marked + case.lesion_voxels))
            found.append(lesion > 0)
        else:
            healthy.append(marked > 0)
    figures = {f"dice_{label}": float(np.mean(values)) for label, values in sorted(dice.items())}
    figures["dice"] = float(np.mean(list(figures.values())))
    figures["found"] = float(np.mean(found))
    figures["healthy_with_lesion"] = float(np.mean(healthy)) if healthy else 0.0
    return figures


def choose_operating_point(cases: List[CaseComponents], healthy_limit: float = HEALTHY_WITH_LESION) -> OperatingPoint:
    """Of the pairs that find a lesion in at most the share `healthy_limit` of the healthy cases, the one with the best Dice,
    averaged over labels; of equal ones the smaller minimum. If no pair does, those with the fewest such cases compete."""
    pairs = [(t, v, figures_at(cases, t, v)) for v in SMALLEST_MM3 for t in THRESHOLDS]
    fewest = min(figures["healthy_with_lesion"] for _, _, figures in pairs)
    allowed = [pair for pair in pairs if pair[2]["healthy_with_lesion"] <= max(fewest, healthy_limit)]
    threshold, smallest, figures = max(allowed, key=lambda pair: pair[2]["dice"])
    return OperatingPoint(threshold, smallest, figures["dice"], figures)
