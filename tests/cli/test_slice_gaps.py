"""`--allow-gaps`: series with missing or unevenly spaced slices, slice by slice and without volumes.

Row 16 of the table in README.md.
"""

import json
import shutil

import numpy as np
import pytest

from dicom_series import STUDY, slice_path, write_series
from volumes import AFFINE, NMOSD, SHAPE, assert_same_in_space, box_mask, voxels


def moved(k, mm):
    """The change of a series whose slice k lies `mm` aside of its place."""

    def change(file, number):
        if number == k:
            x, y, z = map(float, file.ImagePositionPatient)
            file.ImagePositionPatient = [f"{x + mm:.4f}", str(y), str(z)]

    return change


@pytest.fixture
def gap(tmp_path):
    """A series without its slice 3, which lies within the lesion."""
    folder = write_series(tmp_path / "gap", "t2")
    slice_path(folder, "t2", 3).unlink()
    return folder


def test_row16_without_it_the_case_fails_and_the_message_names_the_option(predict, gap):
    error = predict(gap, code=8).report("gap")["error"]
    assert error["code"] == "slice_gap" and "--allow-gaps" in error["hint"] and "1 slice(s) missing" in error["message"]


def test_row16_a_missing_slice_stays_empty_and_the_others_keep_their_places(predict, gap):
    output = predict(gap, "--allow-gaps")
    expected = box_mask(NMOSD)
    expected[3] = 0
    assert_same_in_space(output.mask("gap"), expected, AFFINE)
    report = output.report("gap")
    assert report["input"]["missing_slices"] == [3] and report["input"]["size"][2] == SHAPE[0]
    assert report["classification"]["label"] == "nmosd"
    assert {each["index"] for each in report["selected_slices"]} == {2, 4}
    (warning,) = report["warnings"]
    assert warning["code"] == "slice_gaps" and "8 mm" in warning["message"] and "off the mask" not in warning["message"]


def test_row16_no_volume_is_reported_anywhere(predict, gap):
    output = predict(gap, "--allow-gaps")
    report = output.report("gap")
    assert "volume" not in json.dumps([report["segmentation"], report["lesions"]])
    assert [row["volume_mm3"] for row in output.table("results.tsv") + output.table("lesions.tsv")] == ["n/a"] * (1 + len(report["lesions"]))
    assert "mm3" not in output.result.out + output.result.err


def test_row16_the_intensities_are_those_of_the_acquired_slices(predict, gap, tmp_path):
    """What was not acquired must not take part in the normalisation: seven slices of which one is missing are as six."""
    six = write_series(tmp_path / "six", "t2", volume=np.delete(voxels(NMOSD), 3, axis=0), study=STUDY + "1")
    output = predict(gap, six, "--allow-gaps", "--save-probability")
    found, expected = (output.report(case)["lesions"][0]["mean_intensity"] for case in ("gap", "six"))
    assert found == pytest.approx(expected, abs=1e-9)


def test_row16_unevenly_spaced_slices_go_to_their_nearest_places(predict, tmp_path):
    folder = write_series(tmp_path / "uneven", "t2", change=moved(3, 0.5))
    output = predict(folder, "--allow-gaps")
    assert_same_in_space(output.mask("uneven"), box_mask(NMOSD), AFFINE)
    report = output.report("uneven")
    assert report["input"]["missing_slices"] == [] and "volume_mm3" not in report["segmentation"]
    assert "0.5 mm off" in report["warnings"][0]["message"]


def test_row16_slices_that_would_come_to_one_place_fail_all_the_same(predict, tmp_path):
    folder = write_series(tmp_path / "close", "t2", change=moved(3, 3.0))
    assert predict(folder, "--allow-gaps", code=8).report("close")["error"]["code"] == "slice_gap"


def test_row16_a_slice_far_away_takes_no_memory(predict, tmp_path):
    folder = write_series(tmp_path / "far", "t2", change=moved(6, -1e9))
    error = predict(folder, "--allow-gaps", code=8).report("far")["error"]
    assert error["code"] in ("too_large", "slice_gap")


def test_row16_a_whole_series_is_preferred_and_not_affected(predict, gap):
    write_series(gap, "whole", volume=voxels(NMOSD))
    report = predict(gap, "--allow-gaps").report("gap")
    assert report["warnings"] == [] and report["segmentation"]["volume_mm3"] > 0
    assert "missing_slices" not in report["input"]


def test_row16_scan_takes_the_option_too(run, gap):
    assert run("scan", gap).code == 8
    result = run("scan", gap, "--allow-gaps")
    assert result.code == 0 and "chosen   T2" in result.out and "warning   slice_gaps: " in result.out


def test_row16_geometry_stays_a_must(predict, tmp_path):
    folder = write_series(tmp_path / "axial", "t2", plane="axial")
    slice_path(folder, "t2", 3).unlink()
    predict(folder, "--allow-gaps", "--assume-sagittal-t2", code=8)


def test_row16_evaluation_takes_such_a_report(predict, gap, run, tmp_path):
    output = predict(gap, "--allow-gaps")
    (tmp_path / "labels.tsv").write_text("case_id\tlabel\ngap\tnmosd\n")
    shutil.copytree(output.folder, tmp_path / "masks")
    result = run("evaluate", "--predictions", output.folder, "--labels", tmp_path / "labels.tsv", "--masks", tmp_path / "masks", "-o", tmp_path / "evaluation")
    assert result.code == 0, result
    found = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())["segmentation"]["nmosd"]
    assert found["dice"]["mean"] == 1
    assert not any(found.get(name) for name in ("volume_error_mm3", "absolute_volume_error_mm3", "relative_volume_error"))
