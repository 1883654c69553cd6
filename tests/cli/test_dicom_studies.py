"""Studies of several series: what is chosen, and why."""

import json

import pydicom
import pytest

from dicom_series import STIR, STUDY, T1, write_series, write_study
from volumes import AFFINE, NMOSD, assert_same_in_space, box_mask, write_volume


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study")


def test_scan_lists_every_series_with_decision_and_reason(run, study):
    result = run("scan", study)
    assert result.code == 0
    title, *lines = result.out.splitlines()
    assert title == "study  (dicom, 28 files)"
    decisions = {tuple(line.split()[:2]): line for line in lines}
    assert set(decisions) == {("chosen", "T2"), ("rejected", "T1"), ("rejected", "STIR"), ("rejected", "T2")}
    assert "TR 3000 ms, TE 100 ms: T2" in decisions["chosen", "T2"] and "64x64x7" in decisions["chosen", "T2"]
    assert "T1, not T2" in decisions["rejected", "T1"]
    assert "STIR, not T2" in decisions["rejected", "STIR"]
    assert "90 degrees from left-right" in decisions["rejected", "T2"]
    assert "1 other file skipped" in result.err


def test_scan_as_json_tells_the_same(run, study):
    result = run("scan", study, "--json")
    (case,) = json.loads(result.out)
    assert (case["case_id"], case["format"], case["files"]) == ("study", "dicom", 28)
    chosen = [candidate for candidate in case["candidates"] if candidate["chosen"]]
    assert [(candidate["weighting"], candidate["files"]) for candidate in chosen] == [("T2", 7)]
    assert len(case["candidates"]) == 4 and all(candidate["reason"] for candidate in case["candidates"])


def test_scan_exits_8_if_a_case_has_nothing_to_use(run, tmp_path):
    write_series(tmp_path / "study", "sag t1", sequence=T1)
    result = run("scan", tmp_path / "study")
    assert result.code == 8 and "cannot be used: no_sagittal_t2" in result.out


def test_predict_uses_the_sagittal_t2_and_reports_all_candidates(predict, study):
    output = predict(study)
    report = output.report("study")
    assert report["classification"]["label"] == "nmosd"
    series = report["input"]["series"]
    assert (series["weighting"], series["files"], series["echo_time_ms"]) == ("T2", 7, 100)
    assert sorted(candidate["weighting"] for candidate in series["candidates"]) == ["STIR", "T1", "T2", "T2"]
    assert [candidate["chosen"] for candidate in series["candidates"]].count(True) == 1
    assert_same_in_space(output.mask("study"), box_mask(NMOSD), AFFINE)


def test_a_study_without_sagittal_t2_fails_and_lists_its_candidates(predict, tmp_path):
    write_series(tmp_path / "study", "sag t1", sequence=T1)
    write_series(tmp_path / "study", "sag stir", sequence=STIR)
    error = predict(tmp_path / "study", code=8).report("study")["error"]
    assert error["code"] == "no_sagittal_t2" and error["stage"] == "select"
    assert "T1, not T2" in error["message"] and "STIR, not T2" in error["message"]


def test_series_uid_overrides_the_choice(predict, run, study):
    (case,) = json.loads(run("scan", study, "--json").out)
    t1 = next(candidate["uid_digest"] for candidate in case["candidates"] if candidate["weighting"] == "T1")
    report = predict(study, "--series-uid", t1).report("study")
    assert report["input"]["series"]["weighting"] == "T1" and report["status"] == "no_lesion"


def test_two_equally_good_series_warn_or_fail_as_asked(predict, tmp_path):
    for name in ("sag t2", "sag t2 again"):
        write_series(tmp_path / "study", name)
    best = predict(tmp_path / "study").report("study")
    assert [warning["code"] for warning in best["warnings"]] == ["ambiguous_series"]
    strict = predict(tmp_path / "study", "--series-policy", "fail", code=8, out=tmp_path / "strict").report("study")
    assert strict["error"]["code"] == "ambiguous_series"


def test_assume_sagittal_t2_overrides_weighting_and_never_geometry(predict, tmp_path):
    write_series(tmp_path / "sag", "sag t1", sequence=T1)
    write_series(tmp_path / "ax", "ax t2", plane="axial", study=STUDY + "1")
    output = predict(tmp_path / "sag", tmp_path / "ax", "--assume-sagittal-t2", code=8)
    assert output.report("sag")["status"] == "ok" and output.report("ax")["status"] == "failed"


def test_a_cohort_of_nested_studies_and_files_becomes_one_case_each(predict, tmp_path):
    for number in range(3):
        write_series(tmp_path / f"cohort/patient{number}/DICOM/S1", "sag t2", study=f"{STUDY}{number}")
    output = predict(tmp_path / "cohort")
    assert len(output.cases()) == 3
    assert all(output.report(case)["classification"]["label"] == "nmosd" for case in output.cases())


def test_a_missing_slice_fails_and_an_empty_one_is_named(predict, tmp_path):
    files = sorted(write_series(tmp_path / "gap", "sag t2").iterdir(), key=lambda path: int(pydicom.dcmread(path).InstanceNumber))
    files[3].unlink()
    files = sorted(write_series(tmp_path / "empty", "sag t2", study=STUDY + "1").iterdir())
    files[2] = files[2].rename(files[2].with_suffix(".dcm"))
    files[2].write_bytes(b"")
    output = predict(tmp_path / "gap", tmp_path / "empty", code=8)
    assert output.report("gap")["status"] == "failed"
    assert files[2].name in output.report("empty")["error"]["message"]


def test_dicom_and_nifti_of_one_volume_give_the_same_result(predict, tmp_path, study):
    output = predict(study, write_volume(tmp_path / "t2.nii.gz", NMOSD))
    assert output.report("study")["classification"] == output.report("t2")["classification"]
