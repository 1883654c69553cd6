"""NIfTI files that are damaged or unusual, each a case of one run. The numbers are those of the list of bad inputs:

27 truncated, corrupt, too long      30 colour, complex, vector, Analyze    33 byte order, NIfTI-2, extensions, scaling
28 NaN and infinity                  31 sizes, spacing, no placement        34 axis orders and obliques
29 several volumes                   32 sform against qform                 36 constant, too small
"""


import nibabel
import numpy as np
import pytest

from conftest import run_predict
from nifti_bytes import HEADER_BYTES, flipped, float_bytes, gzip_bomb, gzipped, image_of, nifti_bytes
from volumes import AFFINE, NMOSD, SHAPE, assert_same_in_space, box_mask, voxels

PLAIN = nifti_bytes()
ZIPPED = gzipped(PLAIN)
VOXELS = int(np.prod(SHAPE))
NAN, INF = float("nan"), float("inf")


def of_shape(shape):
    return nifti_bytes(image_of(voxels(shape=shape)))


def of_type(datatype, bits):
    return nifti_bytes(datatype=datatype, bitpix=bits) + bytes(VOXELS * 14)


def without(*codes, **fields):
    return nifti_bytes(**{code: 0 for code in codes}, **fields)


# name: (ending, content, code of the failure)
REFUSED = {
    "row27-empty": ("nii", b"", "file_truncated"),
    "row27-header-cut": ("nii", PLAIN[:200], "file_truncated"),
    "row27-header-only": ("nii", PLAIN[:HEADER_BYTES], "file_truncated"),
    "row27-truncated": ("nii", PLAIN[:-1], "file_truncated"),
    "row27-text": ("nii", b"this is no image\n" * 100, "not_nifti"),
    "row27-gzip-header-only": ("nii.gz", gzipped(PLAIN[:HEADER_BYTES]), "file_truncated"),
    "row27-gzip-truncated-inside": ("nii.gz", gzipped(PLAIN[:-1]), "file_truncated"),
    "row27-gzip-cut": ("nii.gz", ZIPPED[:-20], "gzip_corrupt"),
    "row27-gzip-without-checksum": ("nii.gz", ZIPPED[:-8], "gzip_corrupt"),
    "row27-gzip-corrupt": ("nii.gz", flipped(ZIPPED, len(ZIPPED) // 2), "gzip_corrupt"),
    "row27-gzip-wrong-checksum": ("nii.gz", flipped(ZIPPED, -8), "gzip_corrupt"),
    "row27-trailing": ("nii", PLAIN + b"x", "trailing_data"),
    "row27-trailing-after-gzip": ("nii.gz", ZIPPED + b"garbage", "trailing_data"),
    "row27-trailing-inside-gzip": ("nii.gz", gzipped(PLAIN + b"x"), "trailing_data"),
    "row27-vox-offset-in-header": ("nii", nifti_bytes(vox_offset=300), "bad_vox_offset"),
    "row27-vox-offset-too-far": ("nii", nifti_bytes(vox_offset=368), "file_truncated"),
    "row27-vox-offset-nan": ("nii", nifti_bytes(vox_offset=NAN), "bad_vox_offset"),
    "row27-vox-offset-negative": ("nii", nifti_bytes(vox_offset=-352), "bad_vox_offset"),
    "row27-gzip-bomb": ("nii.gz", gzip_bomb(1024), "trailing_data"),
    "row25-32767-cubed": ("nii", nifti_bytes(dim=(3, 32767, 32767, 32767, 1, 1, 1, 1)), "too_large"),
    "row25-32767-cubed-gzip": ("nii.gz", gzipped(nifti_bytes(dim=(3, 32767, 32767, 32767, 1, 1, 1, 1))), "too_large"),
    "row28-one-percent-nan": ("nii", float_bytes([NAN] * (VOXELS // 100 + 1)), "not_finite"),
    "row28-one-percent-infinite": ("nii", float_bytes([INF, -INF] * (VOXELS // 200 + 1)), "not_finite"),
    "row29-several-volumes": ("nii", nifti_bytes(dim={0: 4, 4: 2}) + bytes(2 * VOXELS), "several_volumes"),
    "row29-volumes-missing": ("nii", nifti_bytes(dim={0: 4, 4: 2}), "file_truncated"),
    "row30-rgb": ("nii", of_type(128, 24), "voxel_type"),
    "row30-rgba": ("nii", of_type(2304, 32), "voxel_type"),
    "row30-complex": ("nii", of_type(32, 64), "voxel_type"),
    "row30-float128": ("nii", of_type(1536, 128), "voxel_type"),
    "row30-bits": ("nii", of_type(1, 1), "voxel_type"),
    "row30-type-0": ("nii", nifti_bytes(datatype=0), "voxel_type"),
    "row30-type-against-bits": ("nii", nifti_bytes(bitpix=8), "voxel_type"),
    "row30-vector": ("nii", nifti_bytes(dim={0: 5, 5: 3}, intent_code=1007) + bytes(4 * VOXELS), "voxel_type"),
    "row30-analyze": ("nii", nifti_bytes(magic=b"\0\0\0\0"), "no_orientation"),
    "row30-slope-without-intercept": ("nii", nifti_bytes(scl_slope=1, scl_inter=NAN), "bad_scaling"),
    "row30-pair": ("nii", nifti_bytes(magic=b"ni1\0"), "nifti_pair"),
    "row31-size-0": ("nii", nifti_bytes(dim={2: 0}), "bad_dimensions"),
    "row31-size-negative": ("nii", nifti_bytes(dim={3: -7}), "bad_dimensions"),
    "row31-no-dimensions": ("nii", nifti_bytes(dim={0: 0}), "bad_dimensions"),
    "row31-eight-dimensions": ("nii", nifti_bytes(dim={0: 8}), "bad_dimensions"),
    "row31-spacing-0": ("nii", nifti_bytes(pixdim={1: 0}), "bad_spacing"),
    "row31-spacing-negative": ("nii", nifti_bytes(pixdim={2: -1}), "bad_spacing"),
    "row31-spacing-nan": ("nii", nifti_bytes(pixdim={3: NAN}), "bad_spacing"),
    "row31-spacing-of-kilometres": ("nii", nifti_bytes(sform_code=0, qform_code=1, pixdim={3: 1.7e10}), "bad_spacing"),
    "row31-kilometres-away": ("nii", nifti_bytes(sform_code=0, qform_code=1, qoffset={2: 1e9}), "invalid_origin"),
    "row31-no-placement": ("nii", without("qform_code", "sform_code"), "no_orientation"),
    "row31-unknown-sform-code": ("nii", nifti_bytes(sform_code=255), "bad_orientation"),
    "row31-empty-sform": ("nii", without("qform_code", srow=(0.0,) * 12), "bad_orientation"),
    "row31-sform-nan": ("nii", without("qform_code", srow={3: NAN}), "invalid_origin"),
    "row31-sheared": ("nii", without("qform_code", srow={0: 0.5, 4: 0.5}), "invalid_direction"),
    "row31-quaternion-nan": ("nii", without("sform_code", qform_code=1, quatern={0: NAN}), "bad_orientation"),
    "row32-disagree": ("nii", nifti_bytes(qform_code=1, qoffset={1: 30.0}), "sform_qform_disagree"),
    "row36-constant": ("nii", nifti_bytes(image_of(np.full(SHAPE, 7, np.int16))), "constant_image"),
    "row36-zero": ("nii", nifti_bytes(image_of(np.zeros(SHAPE, np.int16))), "constant_image"),
    "row36-two-slices": ("nii", of_shape((2, 64, 64)), "too_few_slices"),
    "row36-1x1": ("nii", of_shape((9, 1, 1)), "too_small"),
}


def big_endian():
    image = image_of()
    return nibabel.Nifti1Image(image.get_fdata().astype(">i2"), image.affine, image.header.as_byteswapped(">")).to_bytes()


def with_extension():
    image = image_of()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"a comment"))
    return image.to_bytes()


def negative_floats():
    return nifti_bytes(image_of(voxels(NMOSD).astype(np.float32) - 500))


def one_volume():
    image = image_of()
    return nibabel.Nifti1Image(np.asarray(image.dataobj)[..., None], image.affine).to_bytes()


def metres():
    """The same place, told in metres."""
    image = image_of(affine=np.diag([1e-3, 1e-3, 1e-3, 1]) @ AFFINE)
    return nifti_bytes(image, xyzt_units=1)


# name: content of a file that holds the same image in the same place
ACCEPTED = {
    "plain": PLAIN,
    "row27-two-gzip-members": gzipped(PLAIN[:1000]) + gzipped(PLAIN[1000:]),
    "row28-few-nan": float_bytes([NAN, INF, -INF]),
    "row29-one-volume": one_volume(),
    "row31-sform-alone": without("qform_code"),
    "row31-qform-alone": nifti_bytes(sform_code=0, qform_code=1),
    "row31-metres": metres(),
    "row33-big-endian": big_endian(),
    "row33-nifti2": image_of(kind=nibabel.Nifti2Image).to_bytes(),
    "row33-nifti2-gzip": gzipped(image_of(kind=nibabel.Nifti2Image).to_bytes()),
    "row33-extension": with_extension(),
    "row33-negative-floats": negative_floats(),
    "row33-doubles": nifti_bytes(image_of(voxels(NMOSD).astype(float))),
    "row33-scaled": nifti_bytes(scl_slope=0.25, scl_inter=-40),
    "row33-slope-0": nifti_bytes(scl_slope=0, scl_inter=3),
    "row33-slope-nan": nifti_bytes(scl_slope=NAN, scl_inter=NAN),
}


@pytest.fixture(scope="module")
def output(program, package, tmp_path_factory):
    """One run over all of them."""
    folder = tmp_path_factory.mktemp("volumes")
    (folder / "in").mkdir()
    for name, (ending, content, _) in REFUSED.items():
        (folder / "in" / f"{name}.{ending}").write_bytes(content)
    for name, content in ACCEPTED.items():
        (folder / "in" / f"{name}.nii{'.gz' if content[:2] == ZIPPED[:2] else ''}").write_bytes(content)
    return run_predict(program, package, folder / "out", folder / "in", code=8)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_volume_fails_alone(output, name):
    error = output.report(name)["error"]
    assert error["code"] == REFUSED[name][2], error
    assert error["message"].startswith(f"{name}.nii") and "/" not in error["message"].replace("n/a", "")


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_unusual_volume_is_read_rightly(output, name):
    report = output.report(name)
    assert report["status"] == "ok", report["error"]
    assert report["classification"]["label"] == "nmosd"
    assert_same_in_space(output.mask(name), box_mask(NMOSD), AFFINE)
    assert [warning["code"] for warning in report["warnings"]] == (["not_finite"] if "nan" in name and "few" in name else [])


def test_row36_numbers_too_large_to_square_are_normalised_without_nan(predict, tmp_path):
    (tmp_path / "t2.nii").write_bytes(float_bytes([3e38, -3e38]))
    predict(tmp_path / "t2.nii")  # the check of every output refuses NaN


@pytest.fixture
def choose(predict, tmp_path):
    """choose(content, *options, code=0) -> the report and the output"""

    def run_it(content, *options, code=0):
        (tmp_path / "t2.nii").write_bytes(content)
        output = predict(tmp_path / "t2.nii", *options, code=code)
        return output.report("t2"), output

    return run_it


@pytest.fixture(scope="module")
def two_volumes():
    first, second = voxels(), voxels(NMOSD)
    image = nibabel.Nifti1Image(np.stack([np.asarray(image_of(data).dataobj) for data in (first, second)], -1), image_of().affine)
    return image.to_bytes()


def test_row29_the_volume_is_chosen_by_its_number(choose, two_volumes):
    assert "--volume N" in choose(two_volumes, code=8)[0]["error"]["hint"]
    report, output = choose(two_volumes, "--volume", 2, "--overwrite")
    assert_same_in_space(output.mask("t2"), box_mask(NMOSD), AFFINE)
    assert report["classification"]["label"] == "nmosd"
    assert choose(two_volumes, "--volume", 1, "--resume")[0]["status"] == "no_lesion"
    assert choose(two_volumes, "--volume", 3, "--resume", code=8)[0]["error"]["code"] == "no_such_volume"
    assert choose(PLAIN, "--volume", 3, "--resume")[0]["status"] == "ok"  # nothing to choose


def test_row32_the_preferred_placement_is_taken(choose):
    moved = AFFINE.copy()
    moved[1, 3] = 30 + PSR_OFFSET
    content = nifti_bytes(qform_code=1, qoffset={1: 30.0})
    hint = choose(content, code=8)[0]["error"]["hint"]
    assert "--prefer sform" in hint and "--prefer qform" in hint
    _, output = choose(content, "--prefer", "sform", "--resume")
    assert_same_in_space(output.mask("t2"), box_mask(NMOSD), AFFINE)
    _, output = choose(content, "--prefer", "qform", "--resume")
    assert_same_in_space(output.mask("t2"), box_mask(NMOSD), moved)


# Axis P of the file begins at the most anterior column of the volume.
PSR_OFFSET = -(SHAPE[1] - 1)
