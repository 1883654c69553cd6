"""One simulated case from a seed: patient, disease, protocol and scan."""

from typing import NamedTuple

import nibabel
import numpy as np

from lesions import Disease, draw_disease
from scanner import Protocol, Scan, draw_protocol, scan, visible_cord
from spine import Spine, draw_spine

VISIBLE_AREA_MM2 = 14.0
"""A case of a disease shows at least one sagittal section with this much lesion; others are drawn again."""
AXES = ("RAS", "LPS", "PIR", "PSR", "AIL", "LAS", "PIL", "ASR")
"""Voxel axis orders and flips that NIfTI converters leave behind."""


class Case(NamedTuple):
    spine: Spine
    disease: Disease
    protocol: Protocol
    scan: Scan


def simulate(seed: int, label: str, region: str = None) -> Case:
    """The same arguments give the same voxels."""
    spine = draw_spine(seed, region)
    protocol = draw_protocol(seed, spine)
    window = visible_cord(spine, protocol.grid)
    pixel_mm2 = protocol.grid.spacing[0] * protocol.grid.spacing[1]
    for attempt in range(50):
        disease = draw_disease(seed + attempt * 10**9, label, spine, window)
        scanned = scan(spine, disease, protocol)
        if label == "healthy" or scanned.lesion.sum(axis=(0, 1)).max() * pixel_mm2 >= VISIBLE_AREA_MM2:
            return Case(spine, disease, protocol, scanned)
    raise RuntimeError(f"no visible lesion in 50 draws: seed {seed}, {label}")


def save_nifti(voxels: np.ndarray, affine: np.ndarray, path, axes: str) -> None:
    """Writes voxels [column, row, slice] in the axis order `axes`, geometry unchanged."""
    image = nibabel.Nifti1Image(voxels, affine)
    wanted = nibabel.orientations.axcodes2ornt(tuple(axes))
    image = image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), wanted))
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=0)  # near half turns its single-precision quaternion is off by 0.1 mm
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
