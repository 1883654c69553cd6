"""The sample cases with the package that ships: the results that were recorded, as a user's own regression check would do it."""

import json
import shutil

import pytest

from conftest import REPOSITORY

SAMPLES = REPOSITORY / "tests/samples"
CASES = ["study_ependymoma", "study_nmosd", "astrocytoma_t2.nii.gz", "ms_t2.nii.gz", "healthy_t2.nii.gz"]


@pytest.fixture(scope="module")
def output(program, tmp_path_factory):
    from conftest import run_program

    out = tmp_path_factory.mktemp("samples") / "out"
    inputs = [SAMPLES / case for case in CASES]
    result = run_program(program, "predict", *inputs, "-o", out, "--precision", "fp32", "--all-nodes", cwd=out.parent)
    assert result.code == 0, result.err
    return out


def test_the_samples_give_what_was_recorded(run, output):
    result = run("compare", SAMPLES / "expected", output)
    assert result.code == 0, result.out
    assert "5 cases; 5 masks" in result.out


def test_another_result_is_noticed(run, output, tmp_path):
    other = tmp_path / "expected"
    shutil.copytree(SAMPLES / "expected", other)
    path = other / "ms_t2/report.json"
    report = json.loads(path.read_text())
    report["segmentation"]["volume_mm3"] *= 1.05
    path.write_text(json.dumps(report))
    assert run("compare", other, output).code == 9


def test_the_page_of_the_package_says_what_it_knows(output):
    models = json.loads((output / "run.json").read_text())["models"]
    assert models["name"] == "phantom-1" and models["trained"] is True
    assert "simulated" in models["trained_on"]
