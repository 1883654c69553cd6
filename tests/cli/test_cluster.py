"""The cluster scripts, for real: a Slurm job array and a Snakemake run, one chunk of which is killed midway."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import REPOSITORY, check_output_folder, run_predict
from slurm_node import slurm_node, wait_until, why_not
from tiny_package import write_package
from volumes import LABEL_BOXES, NMOSD, box, write_volume

SCRIPT = REPOSITORY / "scripts/cluster/slurm_array.sh"
SNAKEFILE = REPOSITORY / "scripts/cluster/Snakefile"
TABLES = ("results.tsv", "lesions.tsv", "failures.tsv")
CASES, CHUNKS = 14, 4


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    for number in range(CASES - 1):
        label = [*LABEL_BOXES][number % len(LABEL_BOXES)]
        write_volume(folder / f"c{number:02}.nii.gz", box(*LABEL_BOXES[label]))
    (folder / "bad.nii.gz").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def slower_package(tmp_path_factory):
    """Slow enough to be killed between two cases."""
    return write_package(tmp_path_factory.mktemp("models") / "slower", idle_rounds=150)


@pytest.fixture(scope="module")
def undisturbed(program, package, cohort, tmp_path_factory):
    """One run over all cases; the quick package gives the same results."""
    return run_predict(program, package, tmp_path_factory.mktemp("undisturbed") / "out", cohort, code=8).folder


@pytest.fixture(scope="module")
def cluster():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with slurm_node() as started:
        yield started


def processes_of(marks):
    """Ids of the processes of one chunk: whatever has all the marks in its command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes() if entry.name.isdigit() else b""
            if all(mark.encode() in words for mark in marks):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def kill_midway(chunk: Path, *marks: str):
    """Kills all processes that bear the marks, one of them this test's alone, once the chunk has its first report and before it has its last."""
    wait_until(lambda: any(chunk.glob("*/report.json")), "the first case", 120)
    for process in processes_of(marks):
        os.kill(process, signal.SIGKILL)
    assert not (chunk / "run.json").exists(), "the chunk was done before it could be killed"


def assert_as_one_run(out: Path, killed: Path, undisturbed: Path):
    check_output_folder(out)
    for table in TABLES:
        assert (out / table).read_bytes() == (undisturbed / table).read_bytes(), table
    assert len(json.loads((out / "run.json").read_text())["shards"]) == CHUNKS
    assert json.loads((killed / "run.json").read_text())["counts"]["resumed"] >= 1


def test_a_job_array_with_a_killed_task_ends_with_the_tables_of_one_run(cluster, program, slower_package, cohort, undisturbed, tmp_path):
    out, work = tmp_path / "out", tmp_path / "out-chunks"
    cluster.command(SCRIPT, "-o", out, "--chunks", CHUNKS, "--program", program, cohort, "--", "--models", slower_package)
    # The shell of the task and the program: nothing of it can clean up or try again.
    kill_midway(work / "2", "\0SLURM_ARRAY_TASK_ID=2\0", f"SLURM_CONF={cluster.configuration}\0")
    wait_until(lambda: not cluster.jobs(), "the jobs", 300)
    log = (work / "log" / "merge.txt").read_text()
    assert "round 1: chunks 2 did not come to their end" in log, log
    assert "round 2" not in log
    assert_as_one_run(out, work / "2", undisturbed)


def test_a_second_submission_is_refused_while_the_first_is_at_work(cluster, program, slower_package, cohort, tmp_path):
    command = [SCRIPT, "-o", tmp_path / "out", "--chunks", 2, "--program", program, cohort, "--", "--models", slower_package]
    cluster.command(*command)
    again = subprocess.run([*map(str, command)], env=cluster.environment, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 2 and "still works on" in again.stderr
    wait_until(lambda: not cluster.jobs(), "the jobs", 300)
    assert (tmp_path / "out" / "results.tsv").exists()


def test_chunks_that_cannot_succeed_are_not_submitted_again(cluster, program, cohort, tmp_path):
    cluster.command(SCRIPT, "-o", tmp_path / "out", "--chunks", 2, "--program", program, cohort, "--", "--models", tmp_path / "missing")
    wait_until(lambda: not cluster.jobs(), "the jobs", 120)
    log = (tmp_path / "out-chunks" / "log" / "merge.txt").read_text()
    assert "chunk 1 ended with exit code 4" in log and "submitted again" not in log
    assert "missing" in (tmp_path / "out-chunks" / "log" / "1.txt").read_text()
    assert not (tmp_path / "out").exists()


@pytest.fixture
def snakemake(tmp_path):
    if not shutil.which("snakemake"):
        pytest.skip("not installed: snakemake (scripts/setup.sh --tests)")

    def start(*config):
        command = ["snakemake", "--snakefile", SNAKEFILE, "--cores", 2, "--config", *config]
        with open(tmp_path / "snakemake.txt", "wb") as messages:
            return subprocess.Popen([*map(str, command)], cwd=tmp_path, stdout=messages, stderr=messages)

    return start


def test_a_snakemake_run_with_a_killed_job_ends_with_the_tables_of_one_run(snakemake, program, slower_package, cohort, undisturbed, tmp_path):
    settings = [f"input={cohort}", f"out={tmp_path / 'out'}", f"chunks={CHUNKS}", f"program={program}", f"options=--models {slower_package}"]
    process = snakemake(*settings)
    try:
        kill_midway(tmp_path / "out-chunks" / "2", f"\0{tmp_path}/out-chunks/2\0--shard\0")
        code = process.wait(timeout=300)
    finally:
        process.kill()
        process.wait()
    messages = (tmp_path / "snakemake.txt").read_text()
    assert code == 0, messages
    assert_as_one_run(tmp_path / "out", tmp_path / "out-chunks" / "2", undisturbed)
    assert snakemake(*settings).wait(timeout=60) == 0
    assert "Nothing to be done" in (tmp_path / "snakemake.txt").read_text()


def test_snakemake_computes_cases_that_came_later_and_keeps_tables_that_it_cannot_replace(snakemake, program, package, cohort, tmp_path):
    grown = shutil.copytree(cohort, tmp_path / "grown")
    settings = ["input=grown", "out=out", "chunks=2", f"program={program}"]
    assert snakemake(*settings, f"options=--models {package}").wait(timeout=120) == 0, (tmp_path / "snakemake.txt").read_text()
    before = (tmp_path / "out" / "results.tsv").read_text()
    write_volume(grown / "a_new_case.nii.gz", NMOSD)
    assert snakemake(*settings, "options=--models missing").wait(timeout=120) != 0
    assert (tmp_path / "out" / "results.tsv").read_text() == before
    assert snakemake(*settings, f"options=--models {package}").wait(timeout=120) == 0, (tmp_path / "snakemake.txt").read_text()
    after = (tmp_path / "out" / "results.tsv").read_text()
    assert "a_new_case" in after and set(before.splitlines()) < set(after.splitlines())


def test_snakemake_sees_cases_in_linked_folders(snakemake, program, package, tmp_path):
    for name in ("one", "two"):
        write_volume(tmp_path / "elsewhere" / name / f"{name}.nii.gz", NMOSD)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "one").symlink_to(tmp_path / "elsewhere" / "one")
    (tmp_path / "linked" / "up").symlink_to(tmp_path / "linked")
    settings = ["input=linked", "out=out", "chunks=1", f"program={program}", f"options=--models {package}"]
    assert snakemake(*settings).wait(timeout=120) == 0, (tmp_path / "snakemake.txt").read_text()
    (tmp_path / "linked" / "two").symlink_to(tmp_path / "elsewhere" / "two")
    assert snakemake(*settings).wait(timeout=120) == 0, (tmp_path / "snakemake.txt").read_text()
    assert "two" in (tmp_path / "out" / "results.tsv").read_text()


def test_results_of_something_else_are_not_replaced(snakemake, program, package, cohort, tmp_path):
    run_predict(program, package, tmp_path / "out", cohort, code=8)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert snakemake(f"input={cohort}", "out=out", f"program={program}", f"options=--models {package}").wait(timeout=60) != 0
    assert "out holds results" in (tmp_path / "snakemake.txt").read_text()
    if shutil.which("sbatch"):
        done = subprocess.run([SCRIPT, "-o", "out", "--program", program, cohort], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 2 and "holds results" in done.stderr
    assert {path: path.read_bytes() for path in before} == before and not (tmp_path / "out-chunks").exists()


def test_the_snakefile_says_what_it_needs(snakemake, tmp_path):
    assert snakemake("out=out").wait(timeout=60) != 0
    assert "no input: give --config input=PATH out=OUT" in (tmp_path / "snakemake.txt").read_text()


def test_the_job_array_script_has_help_and_refuses_wrong_use(tmp_path):
    def run(*arguments):
        return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)

    text = run("--help")
    assert text.returncode == 0 and "--chunks N" in text.stdout and "OUT-chunks" in text.stdout
    for wrong, words in ((["in"], "-o"), (["-o", "out"], "no input"), (["--chunks", "0", "-o", "o", "in"], "--chunks 0"), (["--all"], "--all")):
        done = run(*wrong)
        assert done.returncode == 2 and words in done.stderr
    assert not any(tmp_path.iterdir())
