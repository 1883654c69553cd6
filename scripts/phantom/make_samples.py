#!/usr/bin/env python3
"""Writes the sample cases: one simulated case of each class, two as DICOM studies and three as NIfTI files.

The cases come from seeds that no cohort uses. A second run gives the same bytes.
"""

import argparse
import dataclasses
import shutil
from pathlib import Path

import numpy as np

from case import Case, save_nifti, simulate
from dicom_series import AXIAL_T2, STIR, T1, T2, Series, write_other_files, write_series
from scanner import Grid, scan

SEEDS = {"astrocytoma": 9_000_011, "ependymoma": 9_000_012, "ms": 9_000_013, "nmosd": 9_000_014, "healthy": 9_000_015}
REGIONS = {"astrocytoma": "cervical", "ependymoma": "thoracic", "ms": "cervical", "nmosd": "cervical", "healthy": "lumbar"}
AXES = {"astrocytoma": "PSR", "ms": "RAS", "healthy": "LPS"}
NATIVE_AXES = "PIR"
"""Column, row, slice of a sagittal DICOM series: the order of the masks of DICOM studies."""

T1_SIGNALS = {"csf": 0.16, "cord": 0.44, "grey": -0.02, "marrow": 0.55, "muscle": 0.34, "fat": 1.0, "annulus": 0.26, "root": 0.36,
              "organ": 0.4, "mucosa": 0.4, "lesion": -0.2}
STIR_SIGNALS = {"marrow": 0.12, "fat": 0.05, "muscle": 0.2}


def with_signals(case: Case, signals) -> Case:
    """The same patient as another sequence shows him."""
    spine = dataclasses.replace(case.spine, values={**case.spine.values, **signals})
    if signals.get("csf", 1) < 0.5:
        spine.discs = {level: (0.32, bulge) for level, (_, bulge) in spine.discs.items()}
        spine.haemangiomas, spine.central_canal = [], 0
    return case._replace(spine=spine)


def imaged_again(case: Case, grid: Grid, thickness: float, layers: int) -> np.ndarray:
    protocol = dataclasses.replace(case.protocol, grid=grid, thickness=thickness, layers=layers)
    return scan(case.spine, case.disease, protocol).image


def coarser(grid: Grid, factor: float, slices: int) -> Grid:
    """The same field of view with larger pixels and fewer slices."""
    size = (int(grid.size[0] / factor) // 4 * 4, int(grid.size[1] / factor) // 4 * 4, slices)
    spacing = (grid.spacing[0] * factor, grid.spacing[1] * factor, grid.spacing[2])
    return centred(size, spacing, middle_of(grid), grid.direction)


def axial(grid: Grid, z_mm: float) -> Grid:
    direction = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    centre = middle_of(grid)
    return centred((128, 128, 6), (1.4, 1.4, 6.0), np.array([centre[0], centre[1], z_mm]), direction)


def middle_of(grid: Grid) -> np.ndarray:
    return grid.origin + ((np.array(grid.size) - 1) / 2 * np.array(grid.spacing)) @ grid.direction


def centred(size, spacing, centre, direction) -> Grid:
    return Grid(size, spacing, centre - ((np.array(size) - 1) / 2 * np.array(spacing)) @ direction, direction)


def write_full_study(case: Case, folder: Path) -> None:
    """Four series and two files that are no images, all in one folder."""
    study, grid = folder.name, case.protocol.grid
    coarse = coarser(grid, 1.6, 9)
    lesion_z = float(np.interp(case.disease.lesions[0].s, [case.spine.s_first, case.spine.s_last], [case.spine.tables["az"][0], case.spine.tables["az"][-1]]))
    write_series(folder, study, Series("SAG T2", case.scan.image, grid, T2))
    write_series(folder, study, Series("SAG T1", imaged_again(with_signals(case, T1_SIGNALS), coarse, 0.9, 2) - 200, coarse, T1, signed=True))
    write_series(folder, study, Series("SAG STIR", imaged_again(with_signals(case, STIR_SIGNALS), coarse, 0.9, 2), coarse, STIR, compressed=True))
    across = axial(grid, lesion_z)
    write_series(folder, study, Series("AX T2", imaged_again(case, across, 0.9, 2), across, AXIAL_T2))
    write_other_files(folder, study)


def write_sample(label: str, output: Path) -> None:
    case = simulate(SEEDS[label], label, REGIONS[label])
    affine, masks = case.protocol.grid.affine(), output / "masks"
    if label in AXES:
        name = f"{label}_t2"
        save_nifti(case.scan.image, affine, output / f"{name}.nii.gz", AXES[label])
    else:
        name = f"study_{label}"
        if label == "ependymoma":
            write_full_study(case, output / name)
        else:
            write_series(output / name, name, Series("SAG T2", case.scan.image, case.protocol.grid, T2))
    save_nifti(case.scan.lesion, affine, masks / f"{name}.nii.gz", AXES.get(label, NATIVE_AXES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("tests/samples"), help="default: %(default)s")
    output = parser.parse_args().output
    for name in ("study_ependymoma", "study_nmosd", "masks"):
        shutil.rmtree(output / name, ignore_errors=True)
    (output / "masks").mkdir(parents=True)
    for label in SEEDS:
        write_sample(label, output)


if __name__ == "__main__":
    main()
