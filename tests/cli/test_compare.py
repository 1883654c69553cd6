"""`compare`: what counts as a difference, the tolerances, and trimmed expected results."""

import json
import re
import shutil

import nibabel
import numpy as np
import pytest

from conftest import run_predict
from volumes import LABEL_BOXES, box, write_volume

EXACT = ["--tol-dice", 0, "--tol-volume", 0, "--tol-probability", 0]


@pytest.fixture(scope="session")
def results(program, package, tmp_path_factory):
    """A run over a case of each label, one without lesion and one that fails; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("compare")
    for label, size in LABEL_BOXES.items():
        write_volume(folder / "cohort" / f"{label}.nii.gz", box(*size))
    write_volume(folder / "cohort" / "healthy.nii.gz")
    (folder / "cohort" / "bad.nii.gz").write_bytes(b"no image")
    return run_predict(program, package, folder / "out", folder / "cohort", code=8).folder


@pytest.fixture
def expected(results, tmp_path):
    return shutil.copytree(results, tmp_path / "expected")


@pytest.fixture
def actual(results, tmp_path):
    return shutil.copytree(results, tmp_path / "actual")


@pytest.fixture
def compare(run, expected, actual):
    """compare(*options) -> Result of `compare expected actual`"""
    return lambda *options: run("compare", expected, actual, *options)


def edit(folder, case, change):
    path = folder / case / "report.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))


def rows(result):
    """(case, quantity) of each row of the table of differences."""
    lines = result.out.splitlines()
    assert lines[0].split() == ["case_id", "quantity", "expected", "actual", "allowed"], result
    assert lines[-2] == "" and re.match(r"1 difference in 1 of|\d+ differences in", lines[-1]), result
    return [line.split()[:2] for line in lines[1:-2]]


def test_equal_results_are_one_line_and_exit_0(compare):
    result = compare(*EXACT)
    assert result.code == 0, result
    assert result.out.startswith("equal: 6 cases; 5 masks compared") and len(result.out.splitlines()) == 1


@pytest.mark.parametrize(
    "change, quantity",
    [
        (lambda report: report.update(status="failed"), "status"),
        (lambda report: report["classification"].update(label="ms"), "label"),
        (lambda report: report["classification"].update(label=None), "label"),
        (lambda report: report["lesions"].clear(), "lesions"),
        (lambda report: report.pop("lesions"), "lesions"),
        (lambda report: report["classification"]["nodes"].update(ms_vs_nmosd={"reached": False}), "p_nmosd"),
    ],
    ids=["status", "label", "no label", "lesion count", "no lesions", "a node not reached"],
)
def test_what_must_be_equal_whatever_the_tolerances(compare, actual, change, quantity):
    edit(actual, "nmosd", change)
    result = compare("--tol-dice", 1, "--tol-volume", 1, "--tol-probability", 1)
    assert result.code == 9
    assert ["nmosd", quantity] in rows(result)


def test_the_reason_of_a_failure_must_be_equal(compare, actual):
    edit(actual, "bad", lambda report: report["error"].update(code="something_else"))
    result = compare()
    assert result.code == 9 and rows(result) == [["bad", "error_code"]]
    assert "something_else" in result.out


@pytest.mark.parametrize("shift, code", [(0.0009, 0), (0.0011, 9)])
def test_probabilities_may_differ_by_the_tolerance(compare, actual, shift, code):
    def change(report):
        report["classification"]["nodes"]["ms_vs_nmosd"]["probabilities"]["nmosd"] += shift

    edit(actual, "nmosd", change)
    result = compare()
    assert result.code == code, result
    assert code == 0 or rows(result) == [["nmosd", "p_nmosd"]]
    assert compare("--tol-probability", 0.002).code == 0
    assert compare("--tol-probability", 0).code == 9


@pytest.mark.parametrize("factor, code", [(0.991, 0), (0.989, 9)])
def test_volumes_may_differ_by_a_part_of_the_larger(compare, actual, factor, code):
    def change(report):
        report["segmentation"]["volume_mm3"] *= factor
        report["lesions"][0]["volume_mm3"] *= factor

    edit(actual, "nmosd", change)
    result = compare()
    assert result.code == code, result
    assert code == 0 or rows(result) == [["nmosd", "volume_mm3"], ["nmosd", "lesion"]]
    assert compare("--tol-volume", 0.02).code == 0
    assert compare("--tol-volume", 0).code == 9


def change_mask(folder, case, change, affine=None):
    path = folder / case / "lesion_mask.nii.gz"
    image = nibabel.load(path)
    data = change(np.asarray(image.dataobj).copy())
    nibabel.save(nibabel.Nifti1Image(data, image.affine if affine is None else affine(image.affine)), path)


def test_masks_may_differ_by_the_tolerance_of_dice(compare, actual):
    def drop_one(mask):
        mask[tuple(np.argwhere(mask)[0])] = 0  # 1 of 288 voxels: Dice 0.9983
        return mask

    change_mask(actual, "astrocytoma", drop_one)
    assert compare().code == 0
    result = compare("--tol-dice", 0.001)
    assert result.code == 9 and rows(result) == [["astrocytoma", "mask"]]
    assert "0.998" in result.out
    assert compare("--tol-dice", 0).code == 9


def shifted(affine):
    affine = affine.copy()
    affine[1, 3] += 1
    return affine


@pytest.mark.parametrize(
    "change, affine, words",
    [(lambda mask: mask, shifted, "corners 1 mm off"), (lambda mask: mask[:-1], None, "63x64x7 voxels")],
    ids=["shifted", "another size"],
)
def test_masks_on_different_grids_are_a_difference(compare, actual, change, affine, words):
    change_mask(actual, "ms", change, affine)
    result = compare("--tol-dice", 1)
    assert result.code == 9 and rows(result) == [["ms", "mask"]]
    assert "mask geometry" in result.out and words in result.out, result.out


def test_a_damaged_mask_is_a_difference_that_names_the_file(compare, actual):
    path = actual / "ms" / "lesion_mask.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    result = compare()
    assert result.code == 9 and rows(result) == [["ms", "mask"]]
    assert "ms/lesion_mask.nii.gz" in result.out


def test_a_damaged_report_is_a_difference_and_the_others_are_still_compared(compare, actual):
    (actual / "ms" / "report.json").write_text("{")
    edit(actual, "nmosd", lambda report: report["classification"].update(label="ms"))
    result = compare()
    assert result.code == 9 and rows(result) == [["ms", "report"], ["nmosd", "label"]]
    assert ["readable", "damaged", "equal"] == result.out.splitlines()[1].split()[2:]


def test_folders_of_links_to_cases_are_compared(run, tmp_path, expected, actual):
    links = tmp_path / "links"
    links.mkdir()
    for case in actual.iterdir():
        if case.is_dir():
            (links / case.name).symlink_to(case)
    assert run("compare", expected, links).code == 0


def test_a_mask_that_is_gone_is_a_difference(compare, actual):
    (actual / "ms" / "lesion_mask.nii.gz").unlink()
    result = compare()
    assert result.code == 9 and rows(result) == [["ms", "mask"]]


@pytest.mark.parametrize("folder, words", [("actual", ["present", "missing"]), ("expected", ["missing", "present"])])
def test_missing_and_extra_cases_are_differences(compare, tmp_path, expected, actual, folder, words):
    shutil.rmtree(tmp_path / folder / "ms")
    result = compare()
    assert result.code == 9 and rows(result) == [["ms", "case"]]
    assert result.out.splitlines()[1].split()[2:4] == words


def test_expected_results_may_be_trimmed_to_what_matters(compare, run, expected, actual, tmp_path):
    trimmed = tmp_path / "trimmed"
    for case in ("bad", "nmosd"):
        (trimmed / case).mkdir(parents=True)
    (trimmed / "bad" / "report.json").write_text('{"status": "failed"}')
    (trimmed / "nmosd" / "report.json").write_text('{"status": "ok", "classification": {"label": "nmosd"}}')
    for case in ("ms", "astrocytoma", "ependymoma", "healthy"):
        shutil.rmtree(actual / case)
    result = run("compare", trimmed, actual)
    assert result.code == 0, result
    assert result.out == "equal: 2 cases; masks not compared, EXPECTED holds none\n"
    edit(actual, "nmosd", lambda report: report["classification"].update(label="ms"))
    assert run("compare", trimmed, actual).code == 9


def test_a_trimmed_report_needs_nothing_but_what_is_compared(compare, expected):
    for label, code in (("ms", 0), ("nmosd", 9)):
        (expected / "ms" / "report.json").write_text(json.dumps({"classification": {"label": label}}))
        assert compare().code == code


def test_a_link_to_itself_among_the_cases_is_passed_over(compare, actual):
    (actual / "loop").symlink_to("loop")
    assert compare().code == 0


@pytest.mark.parametrize("place", ["expected", "actual"])
def test_folders_that_hold_no_results_are_refused(run, results, tmp_path, place):
    def compare_with(folder):
        return run("compare", *((folder, results) if place == "expected" else (results, folder)))

    missing = compare_with(tmp_path / "missing")
    assert missing.code == 2 and "missing is not a folder" in missing.err
    (tmp_path / "empty").mkdir()
    empty = compare_with(tmp_path / "empty")
    assert empty.code == 3 and "empty holds no results" in empty.err and "run.json" in empty.err
    assert empty.out == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_an_expected_report_that_is_none_is_named(compare, expected, text):
    (expected / "ms" / "report.json").write_text(text)
    result = compare()
    assert result.code == 3 and "ms/report.json" in result.err


@pytest.mark.parametrize("option", ["--tol-dice", "--tol-volume", "--tol-probability"])
@pytest.mark.parametrize("value", ["-0.1", "1.5", "nan", "much"])
def test_tolerances_lie_between_0_and_1(compare, option, value):
    result = compare(option, value)
    assert result.code == 2 and option in result.err
