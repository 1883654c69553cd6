"""Decides on accepted images with other libraries than the program's: nibabel, pydicom and the Python reference."""

from pathlib import Path

import nibabel
import numpy as np
from harness import REPOSITORY  # noqa: F401  (puts the reference on the path)
from reference import canonical_axes, fit_images, network_frame, normalise, to_stack
from source import LPS_RAS, Source
from tiny_package import SIZE

PIXEL_TOLERANCE = 2e-3  # of the network's input range: the program keeps float32 voxels
CORNER_TOLERANCE_MM = 0.02  # NIfTI keeps float32 as well


def corners_mm(affine, shape):
    ends = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    return (ends @ affine.T)[:, :3]


def apart_mm(found, expected, shape):
    return float(np.abs(corners_mm(found, shape) - corners_mm(expected, shape)).max())


def tolerance_mm(affine, shape):
    """Far from the origin single precision is coarser."""
    return max(CORNER_TOLERANCE_MM, float(np.abs(corners_mm(affine, shape)).max()) * 1e-6)


def report_affine(grid):
    """LPS affine of a report's `input`."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(grid["direction"], float).reshape(3, 3) * np.array(grid["spacing_mm"], float)
    affine[:3, 3] = grid["origin"]
    return affine


def with_background(voxels):
    """What the program makes of a few voxels that are no numbers."""
    finite = np.isfinite(voxels)
    if not finite.all():
        voxels = np.where(finite, voxels, voxels[finite].min())
    return voxels


def network_inputs(source: Source):
    """The slices that the tiny package is given, [slice, row, column]."""
    axes = canonical_axes(source.affine)
    stack = normalise(to_stack(with_background(source.voxels), axes), clip_sd=5.0)
    spacing = source.spacing()[list(axes.source)]
    return fit_images(stack, network_frame(stack.shape[1:], spacing[1:], SIZE, "letterbox"))


def sane(affine):
    return bool(np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 0)


def grid_faults(source: Source, report, out: Path, name):
    """Where the grid that the program reports and wrote is not that of the image as the oracle reads it."""
    shape = source.voxels.shape
    if not sane(source.affine):
        yield f"the oracle's affine is {source.affine.tolist()}"
    elif list(shape) != report["input"]["size"]:
        yield f"size {report['input']['size']}, oracle {shape}"
    else:
        limit = tolerance_mm(source.affine, shape)
        mask = LPS_RAS @ nibabel.load(out / name / "lesion_mask.nii.gz").affine
        for what, affine in (("report", report_affine(report["input"])), ("mask", mask)):
            apart = apart_mm(affine, source.affine, shape)
            if not apart <= limit:
                yield f"the grid of the {what} lies {apart:.3g} mm off the oracle's"


def prepared_faults(source: Source, prepared: Path, name):
    """Where the network inputs that `prepare` wrote are not those of the oracle."""
    path = prepared / name / "image.nii.gz"
    if not path.exists():
        yield "predict accepts this case, prepare does not"
        return
    found = np.asanyarray(nibabel.load(path).dataobj).T
    expected = network_inputs(source)
    if found.shape != expected.shape:
        yield f"network inputs {found.shape}, oracle {expected.shape}"
    elif not np.abs(found - expected).max() <= PIXEL_TOLERANCE:
        yield f"network inputs differ from the oracle's by {np.abs(found - expected).max():.3g}"
