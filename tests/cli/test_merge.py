"""Shards of a cohort: any number of them, merged, gives what one run gives."""

import functools
import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import check_output_folder, run_predict
from volumes import LABEL_BOXES, box, write_volume

TABLES = ("results.tsv", "lesions.tsv", "failures.tsv")


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Three cases, one of which fails."""
    folder = tmp_path_factory.mktemp("cohort")
    for label in ("ms", "nmosd"):
        write_volume(folder / f"{label}.nii.gz", box(*LABEL_BOXES[label]))
    (folder / "bad.nii.gz").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="session")
def one_run(program, package, cohort, tmp_path_factory):
    return run_predict(program, package, tmp_path_factory.mktemp("one") / "out", cohort, "--save-probability", code=8)


@pytest.fixture(scope="session")
def finished_shards(program, package, cohort, tmp_path_factory):
    """finished_shards(n) -> the output folders of n shards, to be copied, not changed"""

    @functools.cache
    def run_shards(count):
        folders = [tmp_path_factory.mktemp("shards") / f"part{part}" for part in range(1, count + 1)]
        for part, folder in enumerate(folders, 1):
            bad_is_here = part == 1  # the first case by name
            options = ["--shard", f"{part}/{count}", "--save-probability"]
            run_predict(program, package, folder, cohort, *options, code=8 if bad_is_here else 0)
        return folders

    return run_shards


@pytest.fixture
def whole(one_run, tmp_path):
    return one_run._replace(folder=shutil.copytree(one_run.folder, tmp_path / "whole"))


@pytest.fixture
def shards(finished_shards, tmp_path):
    """shards(n) -> copies of the output folders of n shards"""
    return lambda count: [shutil.copytree(folder, tmp_path / folder.name) for folder in finished_shards(count)]


@pytest.fixture
def merge(run, tmp_path):
    return lambda *arguments: run("merge", *arguments, "-o", tmp_path / "merged")


def run_json(folder):
    return json.loads((folder / "run.json").read_text())


def assert_same_tables(folder, other):
    for table in TABLES:
        assert (folder / table).read_bytes() == (other / table).read_bytes(), table


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_any_number_of_shards_gives_what_one_run_gives(merge, run, shards, whole, tmp_path, count):
    result = merge(*shards(count))
    assert result.code == 8, result
    merged = tmp_path / "merged"
    check_output_folder(merged)
    assert_same_tables(merged, whole.folder)
    assert result.out == whole.result.out
    assert run("compare", whole.folder, merged, "--tol-dice", 0, "--tol-volume", 0, "--tol-probability", 0).code == 0

    of_all, of_one = run_json(merged), run_json(whole.folder)
    assert [shard["shard"] for shard in of_all.pop("shards")] == [f"{part}/{count}" for part in range(1, count + 1)]
    assert of_all.pop("timing_ms")["total"] > 0 and of_one.pop("timing_ms")
    assert of_all == of_one


def test_the_shards_are_listed_by_the_names_of_their_folders(merge, shards, tmp_path):
    folders = shards(2)
    merge(*folders)
    listed = run_json(tmp_path / "merged")["shards"]
    assert [shard["folder"] for shard in listed] == ["part1", "part2"]
    assert [shard["counts"]["cases"] for shard in listed] == [2, 1]
    assert str(tmp_path) not in (tmp_path / "merged" / "run.json").read_text()


def test_merging_in_another_order_gives_the_same_tables(merge, shards, whole, tmp_path):
    merge(*reversed(shards(3)))
    assert_same_tables(tmp_path / "merged", whole.folder)


def test_merged_results_can_be_resumed_as_if_they_were_of_one_run(predict, merge, shards, cohort, tmp_path):
    merge(*shards(2))
    output = predict(cohort, "--resume", "--save-probability", out=tmp_path / "merged", code=8)
    assert run_json(output.folder)["counts"]["resumed"] == 2


@pytest.mark.parametrize("how, linked", [("link", True), ("copy", False)])
def test_case_folders_are_linked_or_copied(merge, shards, tmp_path, how, linked):
    folders = shards(2)
    merge(*folders, "--case-folders", how)
    for part in folders:
        for source in part.glob("*/*"):
            target = tmp_path / "merged" / source.relative_to(part)
            assert target.read_bytes() == source.read_bytes()
            assert os.path.samefile(source, target) == linked
    for folder in folders:
        shutil.rmtree(folder)
    check_output_folder(tmp_path / "merged")


def test_tables_alone(merge, shards, whole, tmp_path):
    assert merge(*shards(2), "--case-folders", "none").code == 8
    assert {path.name for path in (tmp_path / "merged").iterdir()} == {*TABLES, "run.json", ".cordlesion.lock"}
    assert_same_tables(tmp_path / "merged", whole.folder)


def test_merged_results_are_not_overwritten_unasked(merge, shards, whole, tmp_path):
    folders = shards(2)
    merge(*folders)
    again = merge(*folders)
    assert again.code == 2 and "--overwrite" in again.err and "already holds results" in again.err
    assert merge(*folders, "--overwrite").code == 8
    assert_same_tables(tmp_path / "merged", whole.folder)
    check_output_folder(folders[0])  # its linked files are its own


def test_a_case_in_two_shards_is_named(merge, shards, whole, tmp_path):
    result = merge(whole.folder, *shards(2))
    assert result.code == 2
    assert "case bad is in" in result.err and "whole" in result.err and "part1" in result.err
    assert not (tmp_path / "merged").exists()


def test_a_shard_given_as_output_is_refused(run, shards):
    folders = shards(2)
    result = run("merge", *folders, "-o", folders[0], "--overwrite")
    assert result.code == 2 and "lie in each other" in result.err
    check_output_folder(folders[0])


@pytest.mark.parametrize("place", ["part1/merged", "part1/bad", "."])
def test_an_output_inside_a_shard_or_around_it_is_refused(run, shards, tmp_path, place):
    folders = shards(2)
    before = sorted(tmp_path.rglob("*"))
    result = run("merge", *folders, "-o", tmp_path / place)
    assert result.code == 2 and "lie in each other" in result.err
    assert sorted(tmp_path.rglob("*")) == before


def test_shards_of_a_cohort_that_grew_or_is_divided_anew_are_merged(predict, run, package, cohort, tmp_path):
    """What a shard still holds of an earlier division is not its own any more."""
    grown = shutil.copytree(cohort, tmp_path / "grown")
    for added, count in ((None, 2), ("a_first", 2), (None, 3)):
        if added:
            write_volume(grown / f"{added}.nii.gz", box(*LABEL_BOXES["ependymoma"]))
        folders = [tmp_path / f"part{part}" for part in range(1, count + 1)]
        for part, folder in enumerate(folders, 1):
            assert run("predict", grown, "--shard", f"{part}/{count}", "--resume", "-o", folder, "--models", package).code in (0, 8)
        result = run("merge", *folders, "-o", tmp_path / "merged", "--overwrite")
        assert result.code == 8, result
        whole = predict(grown, out=tmp_path / f"whole{added}{count}", code=8).folder
        assert_same_tables(tmp_path / "merged", whole)
    assert len(run_json(tmp_path / "merged")["case_ids"]) == 4

def edit_run(folder, change):
    record = run_json(folder)
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda folder: (folder / "run.json").unlink(), "no run.json"),
        (lambda folder: edit_run(folder, lambda run: run.update(interrupted=True)), "was interrupted"),
        (lambda folder: shutil.rmtree(folder / "nmosd"), "counts 2 cases, the reports of 1 are there"),
        (lambda folder: (folder / "nmosd" / "lesion_mask.nii.gz").unlink(), "nmosd/lesion_mask.nii.gz is missing"),
        (lambda folder: (folder / "nmosd" / "lesion_mask.nii.gz").write_bytes(b""), "nmosd/lesion_mask.nii.gz is missing, cannot be read, or is not the one of its report"),
        (lambda folder: (folder / "nmosd" / "lesion_probability.nii.gz").write_bytes(b"cut"), "nmosd/lesion_probability.nii.gz"),
    ],
    ids=["killed", "interrupted", "cases missing", "mask missing", "mask empty", "probabilities cut"],
)
def test_an_incomplete_shard_is_refused_and_says_what_to_do(merge, shards, tmp_path, damage, words):
    folders = shards(2)
    damage(folders[0])
    result = merge(*folders)
    assert result.code == 2 and "part1 is incomplete" in result.err and words in result.err and "--resume" in result.err
    assert not (tmp_path / "merged").exists()


def test_files_that_are_links_are_copied(merge, shards, tmp_path):
    folders = shards(2)
    mask = folders[0] / "nmosd" / "lesion_mask.nii.gz"
    content = mask.read_bytes()
    mask.rename(mask.with_name("kept-elsewhere"))
    mask.symlink_to("kept-elsewhere")
    assert merge(*folders).code == 8
    merged = tmp_path / "merged" / "nmosd" / "lesion_mask.nii.gz"
    assert not merged.is_symlink() and merged.read_bytes() == content


def test_parts_of_a_cohort_that_grew_between_the_runs_are_refused(merge, shards, cohort, program, package, tmp_path):
    """As many cases in each part as a division of three gives."""
    grown = shutil.copytree(cohort, tmp_path / "grown")
    write_volume(grown / "x.nii.gz", box(*LABEL_BOXES["ms"]))
    first = shards(2)[0]
    second = run_predict(program, package, tmp_path / "later", grown, "--shard", "2/2", "--save-probability").folder
    result = merge(first, second)
    assert result.code == 2 and "parts of different cohorts: cases came or went between part1 and later" in result.err


def test_masks_that_were_set_aside_stay_with_their_shard_and_are_named(merge, shards):
    folders = shards(2)
    (folders[0] / "nmosd" / "lesion_mask.kept-1.nii.gz").write_bytes(b"mine")
    result = merge(*folders)
    assert result.code == 8 and "nmosd: lesion_mask.kept-1.nii.gz stays in" in result.err


def test_a_shard_that_is_not_given_is_named(merge, shards):
    result = merge(*shards(3)[:2])
    assert result.code == 2 and "shard 3/3 is missing" in result.err


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda run: run["tool"].update(version="9.9"), "version: "),
        (lambda run: run["models"].update(name="other"), "models.name: tiny in"),
        (lambda run: run["models"]["sha256"].update({"segmenter.pt": "0"}), "models.segmenter.pt: "),
        (lambda run: run["options"].update(abstain_margin="0.2"), "options.abstain_margin: 0 in"),
        (lambda run: run.update(precision="bf16"), "precision: fp32 in"),
    ],
    ids=["version", "model name", "network", "option", "precision"],
)
def test_shards_that_were_run_differently_are_refused(merge, shards, tmp_path, change, words):
    folders = shards(2)
    edit_run(folders[1], change)
    result = merge(*folders)
    assert result.code == 2 and words in result.err and "part1" in result.err and "part2" in result.err
    assert not (tmp_path / "merged").exists()


def test_another_processor_or_device_is_a_warning(merge, shards, tmp_path):
    folders = shards(2)
    edit_run(folders[1], lambda run: (run.update(device="cuda:0"), run["options"].update(fail_fast="true")))
    result = merge(*folders)
    assert result.code == 8 and "shards_differ" in result.err and "device: cpu in" in result.err
    (warning,) = run_json(tmp_path / "merged")["warnings"]
    assert warning["code"] == "shards_differ" and "cuda:0 in part2" in warning["message"]
    assert str(tmp_path) not in (tmp_path / "merged" / "run.json").read_text() + result.err


def test_merging_again_keeps_masks_that_were_corrected_in_the_merged_folder(merge, shards, tmp_path):
    folders = shards(2)
    merge(*folders)
    mask = tmp_path / "merged" / "nmosd" / "lesion_mask.nii.gz"
    own = mask.read_bytes()
    mask.unlink()  # a hard link of the shard's
    mask.write_bytes(b"corrected")
    result = merge(*folders, "--overwrite")
    assert result.code == 8 and "nmosd: lesion_mask.nii.gz is not the mask" in result.err
    assert mask.with_name("lesion_mask.kept-1.nii.gz").read_bytes() == b"corrected" and mask.read_bytes() == own


def test_merging_keeps_a_mask_that_no_report_speaks_of(merge, shards, tmp_path):
    mask = tmp_path / "merged" / "nmosd" / "lesion_mask.nii.gz"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"mine")
    assert merge(*shards(2)).code == 8
    assert mask.with_name("lesion_mask.kept-1.nii.gz").read_bytes() == b"mine"


def test_what_a_killed_merge_left_is_not_taken_for_a_readers_work(merge, shards, tmp_path):
    folders = shards(2)
    mask = tmp_path / "merged" / "nmosd" / "lesion_mask.nii.gz"
    mask.parent.mkdir(parents=True)
    shutil.copy(folders[0] / "nmosd" / "lesion_mask.nii.gz", mask)
    assert merge(*folders).code == 8
    assert sorted(path.name for path in mask.parent.iterdir()) == ["lesion_mask.nii.gz", "lesion_probability.nii.gz", "report.json"]


def test_folders_without_results_are_refused(merge, run, tmp_path):
    assert merge(tmp_path / "missing").code == 2
    (tmp_path / "empty").mkdir()
    result = merge(tmp_path / "empty")
    assert result.code == 3 and "holds no results" in result.err
    assert run("merge", "-o", "out").code == 2


def test_a_resumed_run_that_is_killed_counts_as_incomplete(program, predict, slow_package, merge, tmp_path):
    """The run.json of the earlier run must not vouch for the later one."""
    for number in range(8):
        write_volume(tmp_path / "more" / f"c{number}.nii.gz", box(*LABEL_BOXES["ms"]))
    out = predict(tmp_path / "more" / "c0.nii.gz", models=slow_package).folder
    command = [program, "predict", tmp_path / "more", "-o", out, "--models", slow_package, "--resume"]
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (out / "c1" / "report.json").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    result = merge(out)
    assert result.code == 2 and "no run.json" in result.err
