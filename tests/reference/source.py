"""Reads an image or a mask for the reference: voxels and where they lie, by nibabel and pydicom."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import List

import nibabel
import numpy as np
import pydicom

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass
class Source:
    voxels: np.ndarray  # float32 or bool, three axes
    affine: np.ndarray  # voxel index to LPS millimetres

    def spacing(self):
        return np.linalg.norm(self.affine[:3, :3], axis=0)


def read_nifti(path) -> Source:
    image = nibabel.load(path)
    voxels = image.get_fdata(dtype=np.float64).astype(np.float32)
    return Source(voxels.reshape(voxels.shape[:3]), LPS_RAS @ image.affine)


def stored_values(file):
    """Pixels [row, column], their sign taken from the stored bits rather than from the padding above them."""
    pixels = file.pixel_array.astype(np.int64)
    bits = int(file.BitsStored)
    pixels = pixels >> (int(getattr(file, "HighBit", bits - 1)) + 1 - bits) & (1 << bits) - 1
    if file.PixelRepresentation == 1:
        pixels[pixels >= 1 << (bits - 1)] -= 1 << bits
    values = pixels * float(file.get("RescaleSlope", 1)) + float(file.get("RescaleIntercept", 0))
    return -values if file.PhotometricInterpretation == "MONOCHROME1" else values


def slice_normal(file):
    direction = np.array(file.ImageOrientationPatient, float)
    return np.cross(direction[:3], direction[3:])


def position_along_normal(file):
    return float(slice_normal(file) @ np.array(file.ImagePositionPatient, float))


def read_dicom(paths) -> Source:
    """Slices of one series: axis 0 is the column index, axis 1 the row index, axis 2 along the normal."""
    files = sorted((pydicom.dcmread(path, force=True) for path in paths), key=position_along_normal)
    first, direction = files[0], np.array(files[0].ImageOrientationPatient, float)
    row_spacing, column_spacing = (float(value) for value in first.PixelSpacing)
    step = (position_along_normal(files[-1]) - position_along_normal(first)) / (len(files) - 1)
    affine = np.eye(4)
    affine[:3, 0] = direction[:3] * column_spacing
    affine[:3, 1] = direction[3:] * row_spacing
    affine[:3, 2] = slice_normal(first) * step
    affine[:3, 3] = first.ImagePositionPatient
    voxels = np.stack([stored_values(file).T for file in files], axis=2)
    return Source(voxels.astype(np.float32), affine)


def sagittal_t2_files(folder) -> List[Path]:
    """The sagittal series of a flat study with the longest echo, no inversion and no other orientation."""
    series = defaultdict(list)
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        try:
            file = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        if file.get("Modality") != "MR" or "ImageOrientationPatient" not in file:
            continue
        if abs(slice_normal(file)[0]) < np.cos(np.radians(30)) or float(file.get("InversionTime") or 0) > 0:
            continue
        echo = float(file.get("EchoTime") or 0)
        series[(echo, file.SeriesInstanceUID, tuple(np.round(slice_normal(file), 2)))].append(path)
    return series[max(series)]


def read_image(path) -> Source:
    path = Path(path)
    if path.is_dir():
        return read_dicom(sagittal_t2_files(path))
    return read_nifti(path)


def aligned_mask(mask: Source, image: Source):
    """A corrected mask on the image's grid: any value above 0, at the nearest voxel centre."""
    to_mask = np.linalg.inv(mask.affine) @ image.affine
    index = np.stack(np.meshgrid(*(np.arange(n) for n in image.voxels.shape), indexing="ij"), -1)
    nearest = np.rint(index @ to_mask[:3, :3].T + to_mask[:3, 3]).astype(int)
    inside = ((nearest >= 0) & (nearest < mask.voxels.shape)).all(-1)
    aligned = np.zeros(image.voxels.shape, bool)
    aligned[inside] = mask.voxels[tuple(nearest[inside].T)] > 0
    return aligned
