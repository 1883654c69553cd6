#!/usr/bin/env python3
"""Writes the small simulated sample cases: a DICOM study and two NIfTI volumes, with their lesion masks.

No patient data: everything is drawn by spine.py from fixed seeds, so a second run gives the same bytes.
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

import nibabel
import numpy as np

from dicom_study import write_other_files, write_series
from spine import Lesion, Spine, paint, signal

LUMBAR = Spine(
    seed=3, curve=[(150, 10), (100, 5), (60, -2), (20, -8), (-20, -11), (-60, -8), (-95, 5), (-125, 26), (-150, 48)],
    level_mm=36.0, disc=0.145, body=(46, 33), canal=(11.5, 8.0),
    cord=(5.2, 4.2), conus_z=28, spinous_mm=32, back_fat_mm=14, front_mm=80, worn=(96, 97),
    tubes=[(16, 6, 9, "vessel"), (17, -16, 9, "vessel")],
    lesions=[Lesion(z=74, length=52, half_width=(0.85, 0.82), swelling=0.45, cyst=True)],
)
CERVICAL = Spine(
    seed=11, curve=[(140, -6), (90, -5), (60, -4), (30, -6), (0, -7), (-30, -3), (-60, 6), (-90, 17), (-120, 27)],
    level_mm=19.0, disc=0.15, body=(19, 16), canal=(10.5, 7.0),
    cord=(6.3, 3.9), spinous_mm=27, back_fat_mm=12, front_mm=58, brain_z=62, worn=(99, 98),
    tubes=[(19, 0, 8, "air"), (18, 27, 4, "vessel"), (18, -27, 4, "vessel")],
    lesions=[Lesion(z=22, length=21, half_width=(0.65, 0.55), offset=(-0.1, 0.45), swelling=0.04),
             Lesion(z=-38, length=15, half_width=(0.55, 0.5), offset=(0.45, 0.2))],
)
THORACIC = Spine(
    seed=23, curve=[(160, -12), (110, 4), (60, 15), (0, 20), (-60, 15), (-110, 5), (-160, -6)],
    level_mm=26.0, disc=0.11, body=(30, 25), canal=(9.5, 7.6),
    cord=(5.0, 3.9), spinous_mm=34, back_fat_mm=12, front_mm=88, worn=(101,),
    tubes=[(14, 12, 11, "vessel"), (50, 10, 36, "organ"), (30, 62, 40, "air"), (30, -62, 40, "air")],
)

T2 = {"SeriesNumber": "4", "ScanningSequence": "SE", "SequenceVariant": "SK", "RepetitionTime": "3200",
      "EchoTime": "105", "EchoTrainLength": "17"}
T1 = {"SeriesNumber": "2", "ScanningSequence": "SE", "SequenceVariant": "SK", "RepetitionTime": "500",
      "EchoTime": "12", "EchoTrainLength": "3"}
STIR = {"SeriesNumber": "3", "ScanningSequence": ["SE", "IR"], "SequenceVariant": "SK", "RepetitionTime": "3800",
        "EchoTime": "60", "InversionTime": "150", "EchoTrainLength": "9"}
AXIAL = {**T2, "SeriesNumber": "5", "RepetitionTime": "3600", "EchoTime": "100"}


@dataclass
class Grid:
    """Voxel centres at origin + direction[axis] * spacing[axis] * index, LPS; axes are column, row, slice."""

    size: Tuple[int, int, int]
    spacing: Tuple[float, float, float]
    origin: np.ndarray
    direction: np.ndarray

    def affine(self):
        affine = np.eye(4)
        affine[:3, :3] = (self.direction * np.array(self.spacing)[:, None]).T
        affine[:3, 3] = self.origin
        return np.diag([-1, -1, 1, 1]) @ affine


def centred_grid(size, spacing, centre, columns_along, rows_along):
    columns_along, rows_along = (np.array(v) / np.linalg.norm(v) for v in (columns_along, rows_along))
    direction = np.array([columns_along, rows_along, np.cross(columns_along, rows_along)])
    half = (np.array(size) - 1) / 2 * np.array(spacing)
    return Grid(size, spacing, np.array(centre) - half @ direction, direction)


def sagittal_grid(size, spacing, centre, degrees):
    turn = np.radians(degrees)
    return centred_grid(size, spacing, centre, (np.sin(turn), np.cos(turn), 0), (0, 0, -1))


def points_of_slice(grid, k, oversampling, layers):
    """[3, layers, columns, rows] points on a finer grid through the thickness of slice k."""
    first = (oversampling - 1) / (2 * oversampling)
    columns, rows = (np.arange(n * oversampling) / oversampling - first for n in grid.size[:2])
    depth = k + 0.9 * ((np.arange(layers) + 0.5) / layers - 0.5)
    indices = np.meshgrid(depth, columns, rows, indexing="ij")
    steps = grid.direction * np.array(grid.spacing)[:, None]
    along = [indices[1], indices[2], indices[0]]
    points = [grid.origin[i] + sum(along[axis] * steps[axis, i] for axis in range(3)) for i in range(3)]
    return np.stack(points).astype(np.float32)


def acquire(fine, size, rng, noise):
    """As a scanner does: only the centre of k-space is sampled, with noise, and the magnitude kept."""
    spectrum = np.fft.fftshift(np.fft.fft2(fine))
    first = [(n - m) // 2 for n, m in zip(fine.shape, size)]
    spectrum = spectrum[first[0] : first[0] + size[0], first[1] : first[1] + size[1]]
    window = [0.5 + 0.5 * np.cos(np.pi * np.clip(np.abs(np.linspace(-1, 1, n)) - 0.5, 0, 0.5) / 0.6) for n in size]
    spectrum = spectrum * np.outer(*window) * (size[0] * size[1] / fine.size)
    # A quarter of a pixel: from the first fine sample to the centre of the coarse pixel.
    shift = [np.exp(0.5j * np.pi * np.fft.fftshift(np.fft.fftfreq(n))) for n in size]
    image = np.fft.ifft2(np.fft.ifftshift(spectrum * np.outer(*shift)))
    return np.abs(image + noise * (rng.normal(size=size) + 1j * rng.normal(size=size)))


def simulate(spine, grid, contrast, noise=0.022, scale=1400):
    """int16 image and uint8 lesion mask, both [column, row, slice]."""
    rng = np.random.default_rng([spine.seed, *grid.size, len(contrast)])
    image, mask = np.zeros(grid.size, np.int16), np.zeros(grid.size, np.uint8)
    columns, rows = grid.size[:2]
    for k in range(grid.size[2]):
        points = points_of_slice(grid, k, oversampling=2, layers=3)
        labels, lesion = paint(spine, points)
        fine = signal(spine, points, labels, contrast).mean(axis=0)
        image[:, :, k] = np.clip(np.rint(scale * acquire(fine, (columns, rows), rng, noise)), 0, 2047)
        mask[:, :, k] = lesion.reshape(3, columns, 2, rows, 2).mean(axis=(0, 2, 4)) >= 0.5
    return image, mask


def save_nifti(voxels, affine, path, axes=None):
    image = nibabel.Nifti1Image(voxels, affine)
    if axes:
        wanted = nibabel.orientations.axcodes2ornt(tuple(axes))
        image = image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), wanted))
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def write_lumbar_study(folder: Path, masks: Path):
    centre = (0, 4, 0)
    sagittal = sagittal_grid((256, 256, 11), (1.0156, 1.0156, 4.4), centre, 3.0)
    coarse = sagittal_grid((160, 160, 9), (1.625, 1.625, 4.4), centre, 3.0)
    axial = centred_grid((144, 144, 8), (1.25, 1.25, 5.0), (0, 8, 62), (1, 0, 0), (0, 1, 0.05))
    image, mask = simulate(LUMBAR, sagittal, "t2")
    write_series(folder, "SAG T2", image, sagittal, {"attributes": T2})
    image = simulate(LUMBAR, coarse, "t1")[0] - 200
    write_series(folder, "SAG T1", image, coarse, {"attributes": T1, "signed": True})
    image = simulate(LUMBAR, coarse, "stir")[0]
    write_series(folder, "SAG STIR", image, coarse, {"attributes": STIR, "compressed": True})
    write_series(folder, "AX T2", simulate(LUMBAR, axial, "t2")[0], axial, {"attributes": AXIAL})
    write_other_files(folder)
    save_nifti(mask, sagittal.affine(), masks / "study_lumbar.nii.gz")


def write_volume(case_id, spine, grid, axes, output: Path):
    image, mask = simulate(spine, grid, "t2")
    save_nifti(image, grid.affine(), output / f"{case_id}.nii.gz", axes)
    save_nifti(mask, grid.affine(), output / "masks" / f"{case_id}.nii.gz", axes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("tests/samples"), help="default: %(default)s")
    output = parser.parse_args().output
    study, masks = output / "study_lumbar", output / "masks"
    for folder in (study, masks):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    write_lumbar_study(study, masks)
    cervical = sagittal_grid((256, 256, 12), (0.9, 0.9, 3.3), (0, -2, 14), -2.0)
    thoracic = sagittal_grid((208, 304, 11), (0.95, 0.95, 3.6), (0, -12, 0), 2.5)
    write_volume("cervical_t2", CERVICAL, cervical, "PSR", output)
    write_volume("thoracic_healthy_t2", THORACIC, thoracic, "RAS", output)


if __name__ == "__main__":
    main()
