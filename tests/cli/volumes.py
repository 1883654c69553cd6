"""Small sagittal T2-like volumes with bright boxes as lesions, written as NIfTI."""

from pathlib import Path

import nibabel
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

SHAPE = (7, 64, 64)
"""Slices towards right, columns towards anterior, rows towards superior: as large as the network, so nothing is interpolated."""
SPACING = (4.0, 1.0, 1.0)
AFFINE = np.array([[4.0, 0, 0, -12], [0, 1, 0, -40], [0, 0, 1, 15], [0, 0, 0, 1]])

# Rows (superior-inferior) and columns (anterior-posterior) of a box that the tiny package gives the label.
LABEL_BOXES = {"astrocytoma": (8, 12), "ependymoma": (20, 6), "ms": (4, 4), "nmosd": (12, 3)}


def box(rows, columns, slices=(2, 5), corner=(30, 20)):
    """A box as index ranges of the volume; `corner` is its first column and row."""
    return slice(*slices), slice(corner[0], corner[0] + columns), slice(corner[1], corner[1] + rows)


NMOSD = box(*LABEL_BOXES["nmosd"])


def voxels(*boxes, shape=SHAPE):
    """A faint pattern with bright boxes; without a box a single bright voxel, which is no lesion."""
    i, j, k = np.indices(shape)
    data = (100 + (3 * i + 5 * j + 7 * k) % 9).astype(np.int16)
    for region in boxes:
        data[region] = 1000
    if not boxes:
        data[shape[0] // 2, shape[1] // 2, shape[2] // 2] = 30000
    return data


def box_mask(*boxes, shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    for region in boxes:
        mask[region] = 1
    return mask


def reoriented(image, codes):
    """The same image with its voxel axes pointing as `codes` says, for example PSR."""
    return image.as_reoriented(ornt_transform(io_orientation(image.affine), axcodes2ornt(codes)))


def write_volume(path: Path, *boxes, affine=AFFINE, codes="PSR", data=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels(*boxes) if data is None else data, affine)
    nibabel.save(reoriented(image, codes) if codes else image, path)
    return path


def write_mask(path: Path, *boxes, codes="PSR"):
    return write_volume(path, data=box_mask(*boxes), codes=codes)


def in_space(image):
    """Voxels and affine with the axes towards right, anterior and superior, to compare images in space."""
    canonical = nibabel.as_closest_canonical(image)
    return np.asanyarray(canonical.dataobj), canonical.affine


def assert_same_in_space(image, expected_voxels, expected_affine, tolerance_mm=1e-3):
    found_voxels, found_affine = in_space(image)
    np.testing.assert_allclose(found_affine, expected_affine, atol=tolerance_mm)
    np.testing.assert_array_equal(found_voxels, expected_voxels)


def assert_same_grid(image, source, tolerance_mm=1e-3):
    assert image.shape == source.shape
    np.testing.assert_allclose(image.affine, source.affine, atol=tolerance_mm)
