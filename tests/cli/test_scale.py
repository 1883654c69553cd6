"""The measurement of scale on a cohort small enough for a test: its figures of time are not judged, memory and results are."""

import json
import subprocess
import sys

import pytest

from conftest import REPOSITORY, check_output_folder

SCRIPT = REPOSITORY / "scripts/bench/scale.py"
CASES = 300

sys.path.insert(0, str(SCRIPT.parent))

import scale  # noqa: E402


@pytest.fixture(scope="module")
def measured(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    return folder, scale.measure(program, CASES, folder)


def test_every_case_is_done_once_and_resumed(measured):
    folder, _ = measured
    check_output_folder(folder / "out")
    lines = (folder / "out" / "results.tsv").read_text().splitlines()
    assert len(lines) == 1 + CASES
    assert len({line.split("\t")[0] for line in lines}) == 1 + CASES
    labels = [line.split("\t")[2] for line in lines[1:]]
    assert labels[:5] == ["n/a", "astrocytoma", "ependymoma", "ms", "nmosd"] and labels == labels[:5] * (CASES // 5)
    counts = json.loads((folder / "out" / "run.json").read_text())["counts"]
    assert counts == {"cases": CASES, "failed": 0, "no_lesion": CASES // 5, "ok": CASES * 4 // 5, "resumed": CASES}


def test_memory_is_flat(measured):
    """Row 42 of the list of bad inputs; scripts/bench/scale.py --cases 10000 shows it at full length."""
    _, result = measured
    early, _, late = result["memory_mb"]  # after a tenth of the cases, half, and nearly all
    # What is kept of a case are its rows of the tables, about 1 kB.
    assert late - early < 8, result["memory_mb"]


def test_resuming_costs_little_beside_computing(measured):
    _, result = measured
    steps = result["steps"]
    assert steps["resume"].cpu_s < steps["predict"].cpu_s
    assert result["outside_networks_ms"] > 0


def test_the_script_has_help():
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--cases" in done.stdout
