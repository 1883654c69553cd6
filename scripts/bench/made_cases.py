"""Volumes to measure on, as NIfTI: simulated spines of all classes, and, where a certain size is needed, simple slices with a bright lesion."""

import multiprocessing
import os
from itertools import count as numbers
from pathlib import Path
from typing import Tuple

import cv2
import nibabel
import numpy as np

from case import simulate
from lesions import CLASSES
from scanner import draw_protocol
from spine import draw_spine
from untrained import simulated_slice

FIELD_OF_VIEW_MM = 256.0
SLICE_SPACING_MM = 4.0
MOST_SLICES = 19
"""Of a simulated series; volumes of cubic voxels have more."""
FIRST_SEED = 9_000_000


def sagittal_affine(size: int) -> np.ndarray:
    """Of an array [slice, row, column] whose axes point left, down and backwards; square slices of the same field of view."""
    pixel = FIELD_OF_VIEW_MM / size
    affine = np.zeros((4, 4))
    affine[0, 0], affine[2, 1], affine[1, 2], affine[3, 3] = -SLICE_SPACING_MM, -pixel, -pixel, 1
    return affine


def write_case(path: Path, seed: int, slices: int, size: int) -> None:
    random = np.random.default_rng(seed)
    stack = np.stack([simulated_slice(random, size)[0] for _ in range(slices)])
    nibabel.save(nibabel.Nifti1Image((1000 * stack).astype(np.int16), sagittal_affine(size)), path)


def write_cases(folder: Path, count: int, slices: int = 12, size: int = 256) -> Path:
    """`count` volumes case000.nii.gz, ... in `folder`."""
    folder.mkdir(parents=True)
    for number in range(count):
        write_case(folder / f"case{number:03}.nii.gz", number, slices, size)
    return folder


def write_spine(order: Tuple[Path, int, str, int]) -> None:
    """A simulated spine of a class, the middle `slices` of its series, in the matrix that its scanner chose."""
    path, first_seed, label, slices = order
    seed = next(seed for seed in numbers(first_seed) if slices <= draw_protocol(seed, draw_spine(seed)).grid.size[2] <= MOST_SLICES)
    case = simulate(seed, label)
    left_out = (case.protocol.grid.size[2] - slices) // 2
    affine = case.protocol.grid.affine()
    affine[:3, 3] += left_out * affine[:3, 2]
    nibabel.save(nibabel.Nifti1Image(case.scan.image[:, :, left_out : left_out + slices], affine), path)


def write_spines(folder: Path, count: int, slices: int) -> Path:
    """`count` volumes case000.nii.gz, ... in `folder`, the classes in turn."""
    folder.mkdir(parents=True)
    orders = [(folder / f"case{i:03}.nii.gz", FIRST_SEED + 1000 * i, CLASSES[i % len(CLASSES)], slices) for i in range(count)]
    with multiprocessing.Pool(len(os.sched_getaffinity(0)), cv2.setNumThreads, (1,)) as pool:
        pool.map(write_spine, orders, chunksize=1)
    return folder


def write_mask(path: Path, slices: int, size: int, marked: int) -> Path:
    """A corrected mask with a disc of 5 mm on the first `marked` slices."""
    row, column = np.mgrid[0:size, 0:size] / size - 0.5
    disc = row**2 + column**2 < (5 / FIELD_OF_VIEW_MM) ** 2
    mask = np.zeros((slices, size, size), np.uint8)
    mask[:marked, disc] = 1
    nibabel.save(nibabel.Nifti1Image(mask, sagittal_affine(size)), path)
    return path
