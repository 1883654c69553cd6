"""Signals, and two runs that meet."""

import json
import os
import signal
import subprocess
import time

import pytest

from conftest import check_output_folder, children
from volumes import LABEL_BOXES, box, write_volume

CASES = 5


@pytest.fixture
def cohort(tmp_path):
    for number, size in zip(range(CASES), [*LABEL_BOXES.values()] * 2):
        write_volume(tmp_path / "cohort" / f"c{number}.nii.gz", box(*size))
    return tmp_path / "cohort"


@pytest.fixture
def start(program, slow_package, cohort, tmp_path):
    """Starts a run over the cohort and returns once its first case is done."""
    started = []

    def start_run(out, *options):
        command = [program, "predict", cohort, "-o", out, "--models", slow_package, "--threads", 1, *options]
        with open(tmp_path / "stderr", "wb") as err:
            process = subprocess.Popen([*map(str, command)], stderr=err, stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        deadline = time.monotonic() + 60
        while "c0: " not in (tmp_path / "stderr").read_text() and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "stderr").read_text()
            time.sleep(0.005)
        return process

    yield start_run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def signal_process(process, number):
    process.send_signal(number)


def signal_group(process, number):
    """As a terminal does on Ctrl-C."""
    os.killpg(process.pid, number)


@pytest.mark.parametrize(
    "send, number",
    [(signal_group, signal.SIGINT), (signal_process, signal.SIGTERM)],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_an_interrupted_run_resumes_to_the_same_tables(predict, start, slow_package, cohort, tmp_path, send, number):
    """Row 39 of the list of bad inputs."""
    process = start(tmp_path / "out")
    send(process, number)
    assert process.wait(timeout=60) == 130, (tmp_path / "stderr").read_text()
    check_output_folder(tmp_path / "out")
    complete = [path.parent.name for path in (tmp_path / "out").glob("*/report.json")]
    assert 1 <= len(complete) < CASES
    for case in complete:
        assert json.loads((tmp_path / "out" / case / "report.json").read_text())["status"] == "ok"

    resumed = predict(cohort, "--resume", models=slow_package)
    undisturbed = predict(cohort, out=tmp_path / "undisturbed")  # the quick package gives the same results
    for table in ("results.tsv", "lesions.tsv", "failures.tsv"):
        assert (resumed.folder / table).read_bytes() == (undisturbed.folder / table).read_bytes()
    assert resumed.result.out == undisturbed.result.out
    counts = json.loads((resumed.folder / "run.json").read_text())["counts"]
    assert counts["resumed"] == len(complete) and counts["ok"] == CASES


def test_a_killed_run_leaves_nothing_that_looks_complete_and_can_be_resumed(predict, start, slow_package, cohort, tmp_path):
    """Row 39."""
    process = start(tmp_path / "out")
    process.kill()
    process.wait(timeout=60)
    for folder in (path for path in (tmp_path / "out").iterdir() if path.is_dir()):
        if (folder / "report.json").exists():
            assert json.loads((folder / "report.json").read_text())["status"] == "ok"
            assert (folder / "lesion_mask.nii.gz").exists()
    resumed = predict(cohort, "--resume", models=slow_package)
    undisturbed = predict(cohort, out=tmp_path / "undisturbed")
    for table in ("results.tsv", "lesions.tsv", "failures.tsv"):
        assert (resumed.folder / table).read_bytes() == (undisturbed.folder / table).read_bytes()
    assert resumed.cases() == undisturbed.cases()


def test_the_loading_processes_end_with_a_killed_run(start, tmp_path):
    """Row 39: the loading processes die with their parent."""
    process = start(tmp_path / "out")
    process.kill()
    process.wait(timeout=60)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process of the killed run is still there")


def test_a_run_goes_on_if_the_loading_process_is_killed(start, tmp_path):
    """As by the system when memory runs out."""
    process = start(tmp_path / "out")
    (keeper,) = children(process.pid)
    (server,) = children(keeper)
    os.kill(server, signal.SIGKILL)
    assert process.wait(timeout=60) == 0, (tmp_path / "stderr").read_text()
    check_output_folder(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*/lesion_mask.nii.gz"))) == CASES


def test_a_run_that_cannot_load_any_more_ends_with_its_tables_and_can_be_resumed(predict, start, slow_package, cohort, tmp_path):
    process = start(tmp_path / "out")
    (keeper,) = children(process.pid)
    os.kill(keeper, signal.SIGKILL)
    assert process.wait(timeout=60) == 1
    message = (tmp_path / "stderr").read_text()
    assert "loader_gone" in message and "--resume" in message
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["interrupted"] and 1 <= record["counts"]["ok"] < CASES
    assert len((tmp_path / "out" / "results.tsv").read_text().splitlines()) == 1 + record["counts"]["ok"]
    check_output_folder(tmp_path / "out")
    assert predict(cohort, "--resume", models=slow_package).cases() == [f"c{number}" for number in range(CASES)]


def test_a_second_run_on_the_same_output_folder_is_refused(predict, run, start, slow_package, cohort, tmp_path):
    """Row 41."""
    process = start(tmp_path / "out")
    process.send_signal(signal.SIGSTOP)  # it holds the folder for as long as the test wants
    try:
        for option in ("--resume", "--overwrite"):
            second = run("predict", cohort, "-o", tmp_path / "out", "--models", slow_package, option)
            assert second.code == 2 and "another run" in second.err
    finally:
        process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=60) == 0
    check_output_folder(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*/report.json"))) == CASES
