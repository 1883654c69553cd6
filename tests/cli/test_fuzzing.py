"""Short runs of scripts/fuzz, and that it notices what it looks for."""

import shutil
import subprocess
import sys

import pytest

from conftest import REPOSITORY
from nifti_bytes import nifti_bytes
from volumes import LABEL_BOXES, NMOSD, box, write_volume

SCRIPTS = REPOSITORY / "scripts/fuzz"
sys.path.insert(0, str(SCRIPTS))

import kill_runs  # noqa: E402
import mutate_inputs  # noqa: E402
import nifti_mutants  # noqa: E402
from harness import Program, Tally  # noqa: E402
from image_batches import faults_of  # noqa: E402


def test_row39_killed_runs_resume_to_what_an_undisturbed_run_gives(program, tmp_path):
    assert kill_runs.kill_runs(program, 10, "tests", tmp_path) == []


@pytest.mark.parametrize("kind, mutants", {"nifti": 120, "dicom": 80, "manifest": 8, "table": 12}.items())
def test_no_mutant_ends_the_program_or_is_taken_for_good(program, tmp_path, kind, mutants):
    (tally,) = mutate_inputs.fuzz(program, "short", {kind: range(mutants)}, tmp_path).values()
    assert tally.findings == []
    assert tally.mutants == mutants and 0 < tally.codes["accepted"] < mutants


# --- what the comparison after kills notices


def cut_mask(folder):
    path = folder / "a" / "lesion_mask.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])


def change_report(folder):
    path = folder / "a" / "report.json"
    path.write_text(path.read_text().replace('"nmosd"', '"ms"'))


def cut_report(folder):
    path = folder / "a" / "report.json"
    path.write_text(path.read_text()[:-5])


def lose_mask(folder):
    (folder / "a" / "lesion_mask.nii.gz").unlink()


def cut_table(folder):
    path = folder / "results.tsv"
    path.write_text(path.read_text()[:-3])


def leave_temporary(folder):
    (folder / "a" / ".cordlesion-1-1.tmp").write_text("half")


TAMPERINGS = [cut_mask, change_report, cut_report, lose_mask, cut_table, leave_temporary]


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=[tamper.__name__ for tamper in TAMPERINGS])
def test_a_difference_after_kills_is_noticed(predict, tmp_path, tamper):
    for name in ("a", "b"):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", NMOSD)
    expected = predict(tmp_path / "in", "--save-probability").folder
    found = shutil.copytree(expected, tmp_path / "found")
    assert list(kill_runs.differences(found, expected)) == []
    tamper(found)
    assert list(kill_runs.differences(found, expected))


# --- what the judgement on mutants notices


STUBS = {
    "death by signal 11": "kill -SEGV $$",
    "exit code 1": "exit 1",
    "hang": "exec sleep 30",
    "absolute path": 'echo "$PWD/batch" >&2',
    "identity": "echo Plantedname^Wilhelmina >&2",
    "sanitizer report": "echo 'x.cpp:1: runtime error: overflow' >&2",
}


@pytest.mark.parametrize("finding, script", STUBS.items(), ids=STUBS)
def test_a_misbehaving_program_is_noticed(tmp_path, finding, script):
    stub = tmp_path / "stub"
    stub.write_text(f"#!/bin/sh\n{script}\n")
    stub.chmod(0o755)
    tally = Tally()
    Program(stub, tmp_path).run(allowed={0}, tally=tally, mutant="m", timeout=1)
    assert len(tally.findings) == 1 and finding in tally.findings[0]


MISREAD = {
    "other voxels": write_volume,
    "moved by 1 mm": lambda path, *boxes: path.write_bytes(nifti_bytes(qform_code=0, srow={3: 13.0})),
    "truncated": lambda path, *boxes: path.write_bytes(nifti_bytes()[:-1]),
}


@pytest.mark.parametrize("write", MISREAD.values(), ids=MISREAD)
def test_an_image_read_otherwise_than_by_the_oracle_is_noticed(predict, run, package, tmp_path, write):
    """The oracle is given another file than the program was."""
    source = write_volume(tmp_path / "t2.nii", NMOSD)
    folder = predict(source, out=tmp_path / "batch" / "out")
    (tmp_path / "cohort.tsv").write_text("case_id\timage\nt2\tt2.nii\n")
    assert run("prepare", "--cohort", "cohort.tsv", "-o", "batch/prepared", "--models", package).code == 0
    runner = Program(sys.executable, tmp_path)
    assert faults_of(nifti_mutants, source, "t2", folder.report("t2"), runner) == []
    write(source, box(*LABEL_BOXES["ms"]))
    assert faults_of(nifti_mutants, source, "t2", folder.report("t2"), runner)


@pytest.mark.parametrize("script", ["kill_runs.py", "mutate_inputs.py"])
def test_the_scripts_have_help(script):
    done = subprocess.run([SCRIPTS / script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--program" in done.stdout
