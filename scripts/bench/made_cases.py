"""Volumes to measure on: simulated sagittal slices with a spine and a bright lesion, as NIfTI."""

from pathlib import Path

import nibabel
import numpy as np

from untrained import simulated_slice

FIELD_OF_VIEW_MM = 256.0
SLICE_SPACING_MM = 4.0


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


def write_mask(path: Path, slices: int, size: int, marked: int) -> Path:
    """A corrected mask with a disc of 5 mm on the first `marked` slices."""
    row, column = np.mgrid[0:size, 0:size] / size - 0.5
    disc = row**2 + column**2 < (5 / FIELD_OF_VIEW_MM) ** 2
    mask = np.zeros((slices, size, size), np.uint8)
    mask[:marked, disc] = 1
    nibabel.save(nibabel.Nifti1Image(mask, sagittal_affine(size)), path)
    return path
