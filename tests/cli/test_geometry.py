"""The same lesion in space, whatever the order of the voxel axes."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest

from volumes import AFFINE, NMOSD, assert_same_grid, assert_same_in_space, box, box_mask, voxels, write_volume

ORIENTATIONS = ["".join(codes) for axes in permutations(("LR", "PA", "IS")) for codes in product(*axes)]


def rotation(degrees, axis):
    angle = np.radians(degrees)
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(4)
    matrix[[first, second], [first, second]] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


OBLIQUE = rotation(12, axis=2) @ rotation(-8, axis=0) @ AFFINE


def check_all(output, sources, affine):
    expected = box_mask(NMOSD)
    labels = set()
    for path in sources:
        case = path.name.removesuffix(".nii.gz")
        assert_same_grid(output.mask(case), nibabel.load(path))
        assert_same_in_space(output.mask(case), expected, affine)
        report = output.report(case)
        labels.add(report["classification"]["label"])
        lesion = report["lesions"][0]
        centre = affine @ [3, 31, 25.5, 1]
        assert lesion["centroid_ras_mm"] == pytest.approx(list(centre[:3]), abs=1e-3)
        assert (lesion["length_si_mm"], lesion["width_ap_mm"]) == pytest.approx((12, 3), abs=1e-4)
    assert labels == {"nmosd"}


def test_all_48_orientations_give_the_same_lesion_on_their_own_grid(predict, tmp_path):
    """Row 34 of the list of bad inputs."""
    assert len(ORIENTATIONS) == 48
    sources = [write_volume(tmp_path / "in" / f"{codes}.nii.gz", NMOSD, codes=codes) for codes in ORIENTATIONS]
    check_all(predict(tmp_path / "in"), sources, AFFINE)


def test_oblique_acquisitions_keep_their_grid(predict, tmp_path):
    """Row 34."""
    sources = [
        write_volume(tmp_path / "in" / f"{name}.nii.gz", NMOSD, affine=OBLIQUE, codes=codes)
        for name, codes in {"as_acquired": None, "PSR": "PSR", "LIA": "LIA"}.items()
    ]
    check_all(predict(tmp_path / "in"), sources, OBLIQUE)


def test_the_network_sees_the_same_image_in_every_orientation(predict, tmp_path):
    regions = box(5, 3, corner=(20, 40)), box(9, 7, slices=(1, 6), corner=(41, 12))
    for codes in ("RAS", "PSR", "IPL"):
        write_volume(tmp_path / "in" / f"{codes}.nii.gz", *regions, codes=codes)
    output = predict(tmp_path / "in", "--all-nodes")
    nodes = [output.report(codes)["classification"] for codes in ("RAS", "PSR", "IPL")]
    assert nodes[0] == nodes[1] == nodes[2]


@pytest.mark.parametrize("slice_axis", [1, 2], ids=["coronal", "axial"])
def test_other_planes_are_refused_with_the_angle(predict, tmp_path, slice_axis):
    spacing = [1.0, 1.0, 1.0, 1.0]
    spacing[slice_axis] = 5
    source = write_volume(tmp_path / "t2.nii.gz", data=voxels(shape=(64, 64, 64)), affine=np.diag(spacing))
    output = predict(source, code=8)
    error = output.report("t2")["error"]
    assert error["code"] == "not_sagittal" and error["stage"] == "select" and "90 degrees" in error["message"]
    assert predict(source, "--assume-sagittal-t2", code=8, out=tmp_path / "assumed").report("t2")["status"] == "failed"


def test_a_near_isotropic_volume_is_cut_sagittally(predict, tmp_path):
    region = slice(20, 30), slice(20, 30), slice(20, 30)
    data = voxels(region, shape=(64, 64, 64))
    output = predict(write_volume(tmp_path / "t2.nii.gz", data=data, affine=np.eye(4), codes="LPI"))
    report = output.report("t2")
    assert len(report["selected_slices"]) == 10
    assert_same_in_space(output.mask("t2"), box_mask(region, shape=(64, 64, 64)), np.eye(4))
