"""Real scans: the lumbar study, its compressed copies, a cervical volume in several orientations, an axial one.

The networks are the tiny package's, so only places and decisions are looked at, never labels.
"""

import json
import shutil

import nibabel
import numpy as np
import pytest

from compressed_series import TOOLS, convert
from volumes import assert_same_grid, assert_same_in_space, in_space, reoriented

COMPRESSIONS = ("jpeg-lossless", "rle", "jpeg-2000")


@pytest.fixture(scope="module")
def lumbar_study(shared_data):
    return shared_data / "dicom/lspine_study_cc0/DCMDT"


@pytest.fixture(scope="module")
def lumbar_reference(shared_data):
    return nibabel.load(shared_data / "dicom/lspine_study_cc0_ref/6_T2_SAG_signedfix.nii.gz")


def test_scan_of_the_lumbar_study_chooses_the_sagittal_t2(run, lumbar_study):
    result = run("scan", lumbar_study, "--json")
    assert result.code == 0
    (case,) = json.loads(result.out)
    (chosen,) = (candidate for candidate in case["candidates"] if candidate["chosen"])
    assert (chosen["weighting"], chosen["size"], chosen["files"]) == ("T2", [512, 512, 11], 11)
    others = [candidate for candidate in case["candidates"] if not candidate["chosen"]]
    assert sorted(candidate["weighting"] for candidate in others if candidate["sagittal_angle_deg"] < 30) == ["STIR", "T1"]
    axial = [candidate for candidate in others if candidate["sagittal_angle_deg"] > 30]
    assert len(axial) == 5 and sum(candidate["files"] for candidate in axial) == 17
    assert len({candidate["uid_digest"] for candidate in case["candidates"]}) == 4


@pytest.fixture(scope="module")
def lumbar_series(lumbar_study, tmp_path_factory):
    """The files of the sagittal T2 alone."""
    folder = tmp_path_factory.mktemp("lumbar") / "plain"
    folder.mkdir()
    for number in range(11):
        shutil.copy(lumbar_study / f"D{number:07}", folder)
    return folder


def test_the_mask_lies_where_an_independent_converter_puts_the_image(predict, lumbar_study, lumbar_series, lumbar_reference):
    output = predict(lumbar_study, lumbar_series)
    expected_voxels = in_space(output.mask("plain"))[0]
    assert expected_voxels.any()
    reference_affine = in_space(lumbar_reference)[1]
    for case in output.cases():
        assert_same_in_space(output.mask(case), expected_voxels, reference_affine)


def test_the_pixels_are_those_of_the_reference(predict, lumbar_series, lumbar_reference, tmp_path):
    nibabel.save(lumbar_reference, tmp_path / "reference.nii.gz")
    output = predict(lumbar_series, tmp_path / "reference.nii.gz")
    assert_same_in_space(output.mask("reference"), *in_space(output.mask("plain")))
    measures = [[lesion["mean_intensity"] for lesion in output.report(case)["lesions"]] for case in ("plain", "reference")]
    assert measures[0] == pytest.approx(measures[1], abs=1e-6)


def test_compressed_copies_give_the_identical_mask(predict, lumbar_series, tmp_path):
    folders = [lumbar_series]
    for syntax in COMPRESSIONS:
        if shutil.which(TOOLS[syntax][0]) is not None:
            folders.append(convert(shutil.copytree(lumbar_series, tmp_path / syntax), syntax))
    if len(folders) == 1:
        pytest.skip("no tool that compresses is installed")
    output = predict(*folders)
    plain = output.report("plain")
    for case in output.cases():
        np.testing.assert_array_equal(output.mask(case).get_fdata(), output.mask("plain").get_fdata())
        assert_same_grid(output.mask(case), output.mask("plain"))
        assert output.report(case)["lesions"] == plain["lesions"]
    syntaxes = {output.report(case)["input"]["series"]["transfer_syntax"] for case in output.cases()}
    assert len(syntaxes) == len(folders)


def test_a_cervical_volume_gives_the_same_mask_in_every_orientation(predict, shared_data, tmp_path):
    source = nibabel.load(shared_data / "nifti/sct_testing_data/t2/t2_full_cervical.nii.gz")
    for codes in ("RAS", "PSR", "IPL"):
        nibabel.save(reoriented(source, codes), tmp_path / f"{codes}.nii")
    output = predict(shared_data / "nifti/sct_testing_data/t2/t2_full_cervical.nii.gz", *tmp_path.glob("*.nii"))
    assert len(output.cases()) == 4
    assert_same_grid(output.mask("t2_full_cervical"), source)
    expected = in_space(output.mask("t2_full_cervical"))
    assert expected[0].any()
    for case in ("RAS", "PSR", "IPL"):
        assert_same_grid(output.mask(case), nibabel.load(tmp_path / f"{case}.nii"))
        assert_same_in_space(output.mask(case), *expected)


def test_an_axial_acquisition_is_refused(predict, shared_data):
    output = predict(shared_data / "nifti/sct_tutorial_t2_ms/t2.nii.gz", code=8)
    assert output.report("t2")["error"]["code"] == "not_sagittal"
