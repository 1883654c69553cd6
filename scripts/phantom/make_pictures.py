#!/usr/bin/env python3
"""Draws contact sheets of simulated cases, one JPEG per class: each case plain and with its lesion outlined."""

import argparse
from pathlib import Path
from typing import Tuple

import cv2
import numpy as np

from case import Case, simulate
from lesions import CLASSES

HEIGHT = 420
GAP = 6
NEAR_MM = (120, 56)
"""Height and width of the enlarged part."""
OUTLINE = (40, 190, 255)


def middle_slice(case: Case) -> int:
    """The slice with the most lesion, or the one with the most cord."""
    stack = case.scan.lesion if case.scan.lesion.any() else case.scan.cord
    return int(stack.sum(axis=(0, 1)).argmax())


def grey(image: np.ndarray, brightest: float, shape: Tuple[int, int]) -> np.ndarray:
    scaled = (np.clip(image / brightest, 0, 1) * 255).astype(np.uint8)
    return cv2.cvtColor(cv2.resize(scaled, shape, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)


def pair(case: Case) -> np.ndarray:
    """The whole section, and the cord's surroundings enlarged and outlined."""
    k = middle_slice(case)
    section, lesion, cord = (np.ascontiguousarray(stack[:, :, k].T) for stack in (case.scan.image, case.scan.lesion, case.scan.cord))
    columns, rows = case.protocol.grid.size[:2]
    whole = grey(section, np.percentile(case.scan.image, 99.5), (HEIGHT * columns // rows, HEIGHT))
    shown = np.argwhere(lesion if lesion.any() else cord)
    top, left = ((shown.min(0) + shown.max(0)) // 2 - np.array(NEAR_MM) / 2 / case.protocol.grid.spacing[0]).astype(int).clip(0)
    bottom, right = (np.array([top, left]) + np.array(NEAR_MM) / case.protocol.grid.spacing[0]).astype(int)
    cut, marked = (np.ascontiguousarray(stack[top:bottom, left:right]) for stack in (section, lesion))
    shape = (HEIGHT * cut.shape[1] // cut.shape[0], HEIGHT)
    near = grey(cut, 1.25 * np.percentile(case.scan.image[case.scan.cord > 0], 99.5), shape)
    outline = cv2.resize(marked, shape, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(near, contours, -1, OUTLINE, 1)
    return np.hstack([whole, near, np.zeros((HEIGHT, GAP, 3), np.uint8)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("scripts/phantom/pictures"), help="default: %(default)s")
    parser.add_argument("--cases", type=int, default=5, help="cases per class (%(default)s)")
    parser.add_argument("--seed", type=int, default=7_000_000, help="seed of the first case (%(default)s)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for label in CLASSES:
        first = options.seed + 1000 * CLASSES.index(label)
        sheet = np.hstack([pair(simulate(first + index, label)) for index in range(options.cases)])
        cv2.imwrite(str(options.output / f"{label}.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
