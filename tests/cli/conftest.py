"""What the command-line tests share: the program, a tiny model package, and a checked way to run `predict`."""

import csv
import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jsonschema
import nibabel
import pytest

from evaluation_runs import report_writer, run_evaluate
from tiny_package import write_package

REPOSITORY = Path(__file__).parents[2]
SCHEMA = json.loads((REPOSITORY / "src/report/report.schema.json").read_text())
RUN_FILES = {"run.json", "results.tsv", "lesions.tsv", "failures.tsv"}


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Output(NamedTuple):
    """An output folder and the run that wrote it."""

    folder: Path
    result: Result

    def report(self, case_id):
        return json.loads((self.folder / case_id / "report.json").read_text())

    def mask(self, case_id):
        return nibabel.load(self.folder / case_id / "lesion_mask.nii.gz")

    def table(self, name):
        with open(self.folder / name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def cases(self):
        return sorted(path.parent.name for path in self.folder.glob("*/report.json"))


def reject_constant(text):
    raise AssertionError(f"{text} in a report")


def check_output_folder(folder: Path, kept=()):
    """Whatever a run leaves: valid reports, a mask for every completed case alone, nothing temporary; of the cases `kept` a mask set aside."""
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names - RUN_FILES <= {".cordlesion.lock"}, names
    for case_folder in (path for path in folder.iterdir() if path.is_dir()):
        report = json.loads((case_folder / "report.json").read_text(), parse_constant=reject_constant)
        jsonschema.validate(report, SCHEMA)
        allowed = {"report.json"} if report["status"] == "failed" else {"report.json", "lesion_mask.nii.gz", "lesion_probability.nii.gz"}
        found = {path.name for path in case_folder.iterdir()}
        set_aside = {"lesion_mask.kept-1.nii.gz"} if case_folder.name in kept else set()
        assert set_aside <= found <= allowed | set_aside, f"{case_folder.name}: {found}"
        assert report["status"] == "failed" or "lesion_mask.nii.gz" in found


def run_program(program, *arguments, env=None, cwd=None):
    """Runs on one thread, since several tests may run at a time."""
    done = subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "SLURM_CPUS_PER_TASK": "1", **(env or {})},
        cwd=cwd,
        timeout=300,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def children(pid):
    """Ids of the processes that a process has started from its first thread."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def run_predict(program, package, out, *arguments, code=0, kept=(), **options):
    """Runs `predict` and makes the checks that hold for every run."""
    result = run_program(program, "predict", *arguments, "-o", out, "--models", package, **options)
    assert result.code == code, result
    if out.is_dir():
        check_output_folder(out, kept)
    return Output(out, result)


@pytest.fixture(scope="session")
def memory_is_limited(program):
    """Under AddressSanitizer, which reserves terabytes of address space, the loading process has no limit of memory."""
    return "libasan" not in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def program():
    path = os.environ.get("CORDLESION")
    if not path or not os.access(path, os.X_OK):
        pytest.exit("set the environment variable CORDLESION to the path of the cordlesion executable", returncode=2)
    return str(Path(path).resolve())


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return write_package(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def slow_package(tmp_path_factory):
    """The same results, after about a tenth of a second per case."""
    return write_package(tmp_path_factory.mktemp("models") / "slow", idle_rounds=40)


@pytest.fixture
def run(program, tmp_path):
    """run(*arguments, env={}, cwd=...) -> Result"""
    return lambda *arguments, **options: run_program(program, *arguments, **{"cwd": tmp_path, **options})


@pytest.fixture
def predict(program, package, tmp_path):
    """predict(*inputs and options, code=0, out=..., models=...) -> Output"""

    def run_it(*arguments, out=tmp_path / "out", models=package, **options):
        return run_predict(program, models, out, *arguments, **{"cwd": tmp_path, **options})

    return run_it


@pytest.fixture
def evaluate(program, tmp_path):
    """evaluate(rows of labels, *options, code=0) of the reports that `predicted` wrote -> Evaluated"""
    return lambda *arguments, **options: run_evaluate(partial(run_program, program), tmp_path, *arguments, **options)


@pytest.fixture
def predicted(tmp_path):
    """predicted(case_id, status=..., probabilities=...) writes a report as `predict` would"""
    return report_writer(tmp_path, SCHEMA)


@pytest.fixture(scope="session")
def shared_data():
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not there")
    return folder
