"""Classification from corrected masks, the paper's second step."""

import nibabel
import numpy as np
import pytest

from tiny_package import expected_probabilities
from volumes import AFFINE, LABEL_BOXES, NMOSD, SHAPE, box, box_mask, in_space, write_mask, write_volume

EPENDYMOMA = box(*LABEL_BOXES["ependymoma"])


@pytest.fixture
def volume(tmp_path):
    """The network would call it NMOSD."""
    return write_volume(tmp_path / "t2.nii.gz", NMOSD)


def check_corrected(output, case="t2", region=EPENDYMOMA, label="ependymoma"):
    report = output.report(case)
    assert report["classification"]["label"] == label
    assert report["segmentation"]["source"] == "corrected_mask" and "threshold" not in report["segmentation"]
    np.testing.assert_array_equal(in_space(output.mask(case))[0], box_mask(region))
    return report


def test_a_mask_file_replaces_the_segmentation(predict, tmp_path, volume):
    output = predict(volume, "--masks", write_mask(tmp_path / "corrected.nii.gz", EPENDYMOMA))
    report = check_corrected(output)
    expected = expected_probabilities(*LABEL_BOXES["ependymoma"])["astrocytoma_vs_ependymoma"]
    found = report["classification"]["nodes"]["astrocytoma_vs_ependymoma"]["probabilities"]["ependymoma"]
    assert found == pytest.approx(expected, abs=1e-5)
    assert report["warnings"] == []


def test_a_folder_of_masks_is_searched_by_case(predict, tmp_path, volume):
    write_mask(tmp_path / "masks" / "t2.nii.gz", EPENDYMOMA)
    check_corrected(predict(volume, "--masks", tmp_path / "masks"))


def test_a_former_output_folder_serves_as_masks(predict, tmp_path, volume):
    first = predict(volume, out=tmp_path / "first")
    again = predict(volume, "--masks", first.folder, out=tmp_path / "again")
    check_corrected(again, region=NMOSD, label="nmosd")
    assert again.report("t2")["classification"] == first.report("t2")["classification"]
    write_mask(first.folder / "t2" / "lesion_mask.nii.gz", EPENDYMOMA)
    check_corrected(predict(volume, "--masks", first.folder, out=tmp_path / "third"))


def test_a_case_without_mask_fails_and_the_others_are_done(predict, tmp_path):
    for name in ("a", "b"):
        write_volume(tmp_path / "cohort" / f"{name}.nii.gz", NMOSD)
    write_mask(tmp_path / "masks" / "b.nii.gz", EPENDYMOMA)
    output = predict(tmp_path / "cohort", "--masks", tmp_path / "masks", code=8)
    error = output.report("a")["error"]
    assert error["code"] == "mask_missing" and "a.nii.gz" in error["message"]
    check_corrected(output, "b")


def test_an_empty_mask_is_no_lesion(predict, tmp_path, volume):
    """Row 37 of the list of bad inputs."""
    output = predict(volume, "--masks", write_mask(tmp_path / "empty.nii.gz"))
    assert output.report("t2")["status"] == "no_lesion"
    assert not output.mask("t2").get_fdata().any()


def test_a_mask_in_another_orientation_is_brought_to_the_source_grid(predict, tmp_path, volume):
    """Row 37 of the list of bad inputs."""
    output = predict(volume, "--masks", write_mask(tmp_path / "mask.nii.gz", EPENDYMOMA, codes="LAS"))
    report = check_corrected(output)
    assert [warning["code"] for warning in report["warnings"]] == ["mask_resampled"]
    assert "mask_resampled" in output.table("results.tsv")[0]["warnings"]


def test_a_mask_that_reaches_beyond_the_image_is_cut_with_a_warning(predict, tmp_path, volume):
    larger = AFFINE.copy()
    larger[:3, 3] -= AFFINE[:3, :3] @ (0, 2, 0)  # begins two voxels before the image
    voxels = np.zeros(np.add(SHAPE, (0, 4, 0)), np.uint8)
    voxels[:, 2:-2] = box_mask(EPENDYMOMA)
    voxels[4, 0, 10] = 1
    nibabel.save(nibabel.Nifti1Image(voxels, larger), tmp_path / "mask.nii.gz")
    output = predict(volume, "--masks", tmp_path / "mask.nii.gz")
    report = check_corrected(output)
    assert [warning["code"] for warning in report["warnings"]] == ["mask_resampled", "mask_cut"]


def test_a_mask_of_another_place_fails(predict, tmp_path, volume):
    """Row 37 of the list of bad inputs."""
    elsewhere = AFFINE.copy()
    elsewhere[:3, 3] += 1000
    write_volume(tmp_path / "mask.nii.gz", data=box_mask(EPENDYMOMA), affine=elsewhere)
    output = predict(volume, "--masks", tmp_path / "mask.nii.gz", code=8)
    assert output.report("t2")["error"]["code"] == "mask_no_overlap"


def test_a_mask_of_several_values_counts_all_of_them_with_a_warning(predict, tmp_path, volume):
    data = box_mask(EPENDYMOMA)
    data[EPENDYMOMA][0] = 3
    write_volume(tmp_path / "mask.nii.gz", data=data)
    report = check_corrected(predict(volume, "--masks", tmp_path / "mask.nii.gz"))
    assert [warning["code"] for warning in report["warnings"]] == ["mask_not_binary"]


def test_a_broken_mask_fails_its_case(predict, tmp_path, volume):
    """Row 37 of the list of bad inputs."""
    (tmp_path / "mask.nii.gz").write_bytes(b"no mask")
    output = predict(volume, "--masks", tmp_path / "mask.nii.gz", code=8)
    assert output.report("t2")["status"] == "failed"


def test_one_mask_file_for_several_cases_is_refused(predict, tmp_path):
    for name in ("a", "b"):
        write_volume(tmp_path / "cohort" / f"{name}.nii.gz", NMOSD)
    output = predict(tmp_path / "cohort", "--masks", write_mask(tmp_path / "mask.nii.gz", NMOSD), code=2)
    assert "2 cases" in output.result.err
    assert not output.folder.exists()


def test_the_probability_is_not_written_where_nothing_was_segmented(predict, tmp_path, volume):
    output = predict(volume, "--save-probability", "--masks", write_mask(tmp_path / "mask.nii.gz", NMOSD))
    assert not (output.folder / "t2" / "lesion_probability.nii.gz").exists()


def test_an_unchanged_mask_gives_the_source_grid(predict, tmp_path, volume):
    output = predict(volume, "--masks", write_mask(tmp_path / "mask.nii.gz", NMOSD))
    np.testing.assert_allclose(output.mask("t2").affine, nibabel.load(volume).affine, atol=1e-3)


@pytest.mark.parametrize("option", ["--resume", "--overwrite"])
def test_corrections_made_in_the_output_folder_itself_are_never_lost(predict, run, package, tmp_path, volume, option):
    folder = predict(volume).folder
    write_mask(folder / "t2" / "lesion_mask.nii.gz", EPENDYMOMA)
    result = run("predict", volume, "-o", folder, "--masks", folder, "--models", package, option)
    assert result.code in (0, 2), result  # used or refused
    np.testing.assert_array_equal(in_space(nibabel.load(folder / "t2" / "lesion_mask.nii.gz"))[0], box_mask(EPENDYMOMA))
