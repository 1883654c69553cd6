"""Runs that meet earlier results, bad cases, and each other."""

import hashlib
import json
import os

import nibabel
import numpy as np
import pytest

from volumes import LABEL_BOXES, NMOSD, box, write_mask, write_volume


@pytest.fixture
def cohort(tmp_path):
    for name in ("a", "b"):
        write_volume(tmp_path / "cohort" / f"{name}.nii.gz", NMOSD)
    return tmp_path / "cohort"


def written(output, case):
    return os.stat(output.folder / case / "report.json").st_mtime_ns


def times(output):
    return {case: written(output, case) for case in output.cases()}


def test_results_are_not_overwritten_unasked(predict, cohort):
    before = times(first := predict(cohort))
    second = predict(cohort, code=2)
    assert "--resume" in second.result.err and "--overwrite" in second.result.err
    assert times(first) == before


def test_overwrite_replaces_everything_of_the_former_run(predict, cohort):
    first = predict(cohort, "--save-probability")
    (cohort / "b.nii.gz").unlink()
    (first.folder / "notes.txt").write_text("mine")
    before = written(first, "a")
    (first.folder / "notes.txt").rename(cohort.parent / "notes.txt")
    second = predict(cohort, "--overwrite")
    assert second.cases() == ["a"] and written(second, "a") > before
    assert not (second.folder / "a" / "lesion_probability.nii.gz").exists()
    assert [row["case_id"] for row in second.table("results.tsv")] == ["a"]


def test_overwrite_leaves_the_files_of_others_alone(predict, run, package, cohort):
    output = predict(cohort)
    mine = output.folder / "a" / "notes.txt"
    mine.write_text("mine")
    assert run("predict", cohort, "-o", output.folder, "--models", package, "--overwrite").code == 0
    assert mine.read_text() == "mine"


def test_resume_computes_nothing_twice(predict, cohort):
    first = predict(cohort)
    before, table = times(first), (first.folder / "results.tsv").read_text()
    second = predict(cohort, "--resume")
    assert times(second) == before
    assert (second.folder / "results.tsv").read_text() == table
    assert second.result.out == first.result.out
    assert json.loads((second.folder / "run.json").read_text())["counts"]["resumed"] == 2


def test_resume_recomputes_what_changed(predict, slow_package, cohort):
    """Row 39 of the list of bad inputs: a changed input, option or model is computed anew."""
    def changed(*options, **models):
        """The cases that a further run computes anew."""
        before = times(former)
        after = times(predict(cohort, "--resume", *options, **models))
        return {case for case in after if after[case] != before[case]}

    former = predict(cohort)
    write_volume(cohort / "a.nii.gz", box(*LABEL_BOXES["ms"]))
    assert changed() == {"a"}
    assert changed("--abstain-margin", "0.01") == {"a", "b"}
    assert changed("--abstain-margin", "0.01", models=slow_package) == {"a", "b"}
    assert changed("--abstain-margin", "0.01", models=slow_package) == set()


def test_resume_recomputes_a_case_whose_corrected_mask_changed(predict, tmp_path, cohort):
    for name in ("a", "b"):
        write_mask(tmp_path / "masks" / f"{name}.nii.gz", NMOSD)
    before = times(predict(cohort, "--masks", tmp_path / "masks"))
    write_mask(tmp_path / "masks" / "b.nii.gz", box(*LABEL_BOXES["ependymoma"]))
    output = predict(cohort, "--masks", tmp_path / "masks", "--resume")
    after = times(output)
    assert after["a"] == before["a"] and after["b"] != before["b"]
    assert output.report("b")["classification"]["label"] == "ependymoma"


def test_resume_recomputes_a_case_whose_report_or_mask_is_gone(predict, cohort):
    output = predict(cohort)
    (output.folder / "a" / "report.json").unlink()
    (output.folder / "b" / "lesion_mask.nii.gz").unlink()
    predict(cohort, "--resume", kept=["a"])


def test_resume_recomputes_a_case_whose_mask_was_cut(predict, cohort):
    output = predict(cohort)
    before, mask = times(output), output.folder / "b" / "lesion_mask.nii.gz"
    whole = mask.read_bytes()
    mask.write_bytes(whole[:40])
    after = times(predict(cohort, "--resume", kept=["b"]))
    assert mask.read_bytes()[10:] == whole[10:]  # behind the time in the head
    assert after["a"] == before["a"] and after["b"] != before["b"]


def test_resume_recomputes_a_case_whose_probabilities_are_gone_or_cut(predict, cohort):
    write_volume(cohort / "c.nii.gz", NMOSD)
    output = predict(cohort, "--save-probability")
    before = times(output)
    probabilities = {case: output.folder / case / "lesion_probability.nii.gz" for case in "abc"}
    whole = {case: path.read_bytes() for case, path in probabilities.items()}
    probabilities["a"].unlink()
    probabilities["b"].write_bytes(whole["b"][:60])
    after = times(predict(cohort, "--save-probability", "--resume"))
    assert {case for case in after if after[case] != before[case]} == {"a", "b"}
    assert all(path.read_bytes()[10:] == whole[case][10:] for case, path in probabilities.items())  # behind the time in the head


def test_resume_keeps_a_corrected_case_which_has_no_probabilities(predict, tmp_path, cohort):
    for name in ("a", "b"):
        write_mask(tmp_path / "masks" / f"{name}.nii.gz", NMOSD)
    options = (cohort, "--masks", tmp_path / "masks", "--save-probability")
    before = times(predict(*options))
    assert times(predict(*options, "--resume")) == before


def test_resume_recomputes_a_case_beside_whose_report_lies_another_mask(predict, run, package, cohort):
    """The mask may be somebody's work, so it is kept."""
    output = predict(cohort)
    voxels = np.asarray(output.mask("a").dataobj)
    edited = nibabel.Nifti1Image(np.zeros_like(voxels), output.mask("a").affine)
    affine = output.mask("b").affine
    affine[:3, 3] += 1
    moved = nibabel.Nifti1Image(voxels, affine)
    for case, image in (("a", edited), ("b", moved)):
        nibabel.save(image, output.folder / case / "lesion_mask.nii.gz")
    result = run("predict", cohort, "-o", output.folder, "--models", package, "--resume")
    assert result.code == 0 and result.err.count("is now lesion_mask.kept-1.nii.gz") == 2, result
    for case, image in (("a", edited), ("b", moved)):
        kept = nibabel.load(output.folder / case / "lesion_mask.kept-1.nii.gz")
        assert np.array_equal(kept.dataobj, image.dataobj) and np.allclose(kept.affine, image.affine)
        assert np.array_equal(output.mask(case).dataobj, voxels)
    before = times(output)
    assert run("predict", cohort, "-o", output.folder, "--models", package, "--resume").code == 0
    assert times(output) == before


def without_lesion(path, image):
    nibabel.save(nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), path)


def with_as_many_voxels(path, image):
    nibabel.save(nibabel.Nifti1Image(np.roll(np.asarray(image.dataobj), 3, axis=2), image.affine), path)


def unreadable(path, image):
    path.write_bytes(b"half of a mask")


def link(path, image):
    path.rename(path.with_name("mine.nii.gz"))
    without_lesion(path.with_name("mine.nii.gz"), image)
    path.symlink_to("mine.nii.gz")


@pytest.mark.parametrize("options", [["--resume"], ["--resume", "--all-nodes"], ["--overwrite"]], ids=" ".join)
@pytest.mark.parametrize("edit", [without_lesion, with_as_many_voxels, unreadable, link])
def test_no_run_removes_a_mask_that_its_report_does_not_speak_of(predict, run, package, cohort, options, edit):
    output = predict(cohort)
    mask, before = output.folder / "a" / "lesion_mask.nii.gz", times(output)
    own = mask.read_bytes()
    edit(mask, output.mask("a"))
    edited = mask.read_bytes()
    result = run("predict", cohort, "-o", output.folder, "--models", package, *options)
    assert result.code == 0 and "a: lesion_mask.nii.gz is not the mask" in result.err, result
    assert result.err.count("is now lesion_mask.kept-1.nii.gz") == 1
    assert mask.with_name("lesion_mask.kept-1.nii.gz").read_bytes() == edited and mask.read_bytes() == own
    assert written(output, "a") > before["a"]


def test_masks_that_lie_in_the_output_folder_before_any_run_are_kept(predict, run, package, cohort, tmp_path):
    """A folder of masks as --masks takes it, given as the output folder by mistake."""
    write_mask(tmp_path / "out" / "a" / "lesion_mask.nii.gz", NMOSD)
    mine = (tmp_path / "out" / "a" / "lesion_mask.nii.gz").read_bytes()
    result = run("predict", cohort, "-o", tmp_path / "out", "--models", package)
    assert result.code == 0 and "is now lesion_mask.kept-1.nii.gz" in result.err, result
    assert (tmp_path / "out" / "a" / "lesion_mask.kept-1.nii.gz").read_bytes() == mine


@pytest.mark.parametrize("left", [["lesion_mask.nii.gz"], ["lesion_mask.nii.gz", "report.json"]], ids=["before the report", "after it"])
def test_what_a_killed_run_left_is_not_taken_for_a_readers_work(predict, cohort, left):
    """Row 39."""
    output = predict(cohort)
    for path in (output.folder / "a").iterdir():
        if path.name not in left:
            path.unlink()
    (output.folder / "a" / ".cordlesion-writing").touch()
    resumed = predict(cohort, "--resume")
    assert "is now" not in resumed.result.err
    assert sorted(path.name for path in (output.folder / "a").iterdir()) == ["lesion_mask.nii.gz", "report.json"]


def test_reports_hold_the_digests_of_the_files_beside_them(predict, cohort):
    output = predict(cohort, "--save-probability")
    for name in ("lesion_mask", "lesion_probability"):
        content = (output.folder / "a" / f"{name}.nii.gz").read_bytes()
        assert output.report("a")["digests"][name] == hashlib.sha256(content).hexdigest()


def test_resume_does_not_take_the_report_of_another_case(predict, cohort):
    output = predict(cohort)
    (cohort / "b.nii.gz").rename(cohort / "b2.nii.gz")
    (output.folder / "b").rename(output.folder / "b2")
    output = predict(cohort, "--resume")
    assert [row["case_id"] for row in output.table("results.tsv")] == ["a", "b2"]
    assert output.report("b2")["case_id"] == "b2"


DAMAGES = {
    "status-is-a-number": ('"status": "ok"', '"status": 5'),
    "id-is-a-number": ('"case_id": "b"', '"case_id": 7'),
    "a-key-is-missing": ('"selected_slices"', '"selected"'),
    "another-case": ('"case_id": "b"', '"case_id": "c"'),
}


@pytest.mark.parametrize("old, new", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_report_costs_nothing_but_its_own_rows(predict, run, package, cohort, old, new):
    output = predict(cohort)
    report = output.folder / "b" / "report.json"
    whole = report.read_text()
    report.write_text(whole.replace(old, new))
    table = (output.folder / "results.tsv").read_text()
    predict(cohort, "--resume")  # computes the case anew
    assert (output.folder / "results.tsv").read_text() == table
    (output.folder / "x").mkdir()
    (output.folder / "x" / "report.json").write_text(whole.replace(old, new))
    result = run("predict", cohort, "-o", output.folder, "--models", package, "--resume")
    assert result.code == 0 and "report_damaged: x/report.json" in result.err
    assert (output.folder / "results.tsv").read_text() == table
    assert json.loads((output.folder / "run.json").read_text())["warnings"][0]["code"] == "report_damaged"


def test_resume_tries_failed_cases_again(predict, cohort):
    good = (cohort / "b.nii.gz").read_bytes()
    (cohort / "b.nii.gz").write_bytes(good[:200])
    before = written(predict(cohort, code=8), "a")
    (cohort / "b.nii.gz").write_bytes(good)
    output = predict(cohort, "--resume")
    assert output.report("b")["status"] == "ok" and written(output, "a") == before


def test_resume_keeps_a_detached_image_that_did_not_change(predict, tmp_path):
    header = tmp_path / "in" / "t2.mhd"
    header.parent.mkdir()
    header.write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 64 64 7\nElementType = MET_UCHAR\nElementSpacing = 1 1 4\n"
        "TransformMatrix = 0 1 0 0 0 -1 1 0 0\nOffset = 0 0 0\nBinaryData = True\nElementDataFile = t2.raw\n"
    )
    (tmp_path / "in" / "t2.raw").write_bytes(bytes((7 * i) % 256 for i in range(64 * 64 * 7)))
    before = times(predict(tmp_path / "in"))
    assert times(predict(tmp_path / "in", "--resume")) == before


def test_a_bad_case_is_explained_and_the_others_are_complete(predict, cohort):
    bad = cohort / "bad.nii.gz"
    bad.write_bytes((cohort / "a.nii.gz").read_bytes()[:300])
    output = predict(cohort, code=8)
    report = output.report("bad")
    assert report["status"] == "failed" and report["error"]["message"] and report["error"]["hint"]
    (row,) = output.table("failures.tsv")
    assert (row["case_id"], row["code"]) == ("bad", report["error"]["code"])
    assert "bad.nii.gz" in row["message"] and str(cohort) not in row["message"]
    rows = {row["case_id"]: row for row in output.table("results.tsv")}
    assert [rows[case]["status"] for case in ("a", "b", "bad")] == ["ok", "ok", "failed"]
    assert rows["bad"]["error_code"] == report["error"]["code"] and rows["bad"]["label"] == "n/a"
    assert report["error"]["code"] in output.result.err


def test_a_case_that_turns_bad_loses_its_old_mask(predict, cohort):
    output = predict(cohort)
    (cohort / "a.nii.gz").write_bytes(b"damaged")
    predict(cohort, "--resume", code=8)
    assert [path.name for path in (output.folder / "a").iterdir()] == ["report.json"]


def test_fail_fast_stops_after_the_first_failure(predict, cohort):
    (cohort / "a.nii.gz").write_bytes(b"no image")
    output = predict(cohort, "--fail-fast", code=8)
    assert output.cases() == ["a"]
    assert "--fail-fast" in output.result.err


def test_leftovers_of_a_killed_run_are_swept(predict, cohort):
    """Row 39: stale temporary files are swept."""
    output = predict(cohort)
    for folder in (output.folder, output.folder / "a"):
        (folder / ".cordlesion-1-1.nii.gz").write_bytes(b"half")
    (output.folder / "a" / "report.json").unlink()
    (output.folder / "a" / ".cordlesion-writing").touch()
    predict(cohort, "--resume")


IN_THE_WAY = {
    "a-folder-for-the-mask": ("b/lesion_mask.nii.gz", lambda path: (path / "mine").mkdir(parents=True)),
    "a-folder-for-the-report": ("b/report.json", lambda path: (path / "mine").mkdir(parents=True)),
    "a-folder-for-a-table": ("lesions.tsv", lambda path: path.mkdir(parents=True)),
    "a-file-for-the-case": ("b", lambda path: path.write_text("mine")),
    "a-link-for-the-lock": (".cordlesion.lock", lambda path: path.symlink_to(path.parent.parent / "outside")),
}


@pytest.mark.parametrize("name, put", IN_THE_WAY.values(), ids=[f"row38-{name}" for name in IN_THE_WAY])
def test_what_lies_in_the_way_exits_5_before_any_case(run, package, cohort, tmp_path, name, put):
    (tmp_path / "out").mkdir()
    put(tmp_path / "out" / name)
    result = run("predict", cohort, "-o", tmp_path / "out", "--models", package)
    assert result.code == 5 and f"{name} in the output folder is a" in result.err and "Move it away" in result.err, result
    assert "[info] a:" not in result.err and not (tmp_path / "outside").exists()


def test_an_output_folder_with_images_of_the_input_is_refused_and_stays_as_it_was(run, package, tmp_path):
    for name in ("p1", "p2"):
        write_volume(tmp_path / "cohort" / name / "t2.nii.gz", NMOSD)
    output = tmp_path / "cohort" / "p2"
    result = run("predict", tmp_path / "cohort", "-o", output, "--models", package)
    assert result.code == 2 and "folder p2 inside the input holds images" in result.err and "-o" in result.err, result
    assert [path.name for path in output.iterdir()] == ["t2.nii.gz"]


def test_a_pipe_in_place_of_a_report_is_not_waited_for(predict, cohort):
    output = predict(cohort)
    (output.folder / "b" / "report.json").unlink()
    os.mkfifo(output.folder / "b" / "report.json")
    assert predict(cohort, "--resume", kept=["b"]).report("b")["status"] == "ok"
