"""Networks compiled for oneDNN against the same networks as TorchScript, through the command line."""

import json

import nibabel
import pytest

from conftest import REPOSITORY
from volumes import NMOSD, write_volume

PACKAGE = REPOSITORY / "models/phantom-1"


def engine_of(output):
    return json.loads((output.folder / "run.json").read_text())["versions"]["engine"]


def test_networks_of_other_operations_run_as_torchscript(predict, tmp_path):
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD))
    assert engine_of(output) == "TorchScript"  # the tiny package sums rows, which no plan knows


def test_compiled_networks_say_what_the_scripts_say(run, predict, tmp_path):
    source = write_volume(tmp_path / "t2.nii.gz", NMOSD)
    options = ["--precision", "fp32", "--all-nodes", "--save-probability"]
    script = predict(source, *options, "--engine", "torchscript", models=PACKAGE, out=tmp_path / "script")
    assert engine_of(script) == "TorchScript"
    compiled = predict(source, *options, models=PACKAGE, out=tmp_path / "compiled")
    if engine_of(compiled) == "TorchScript":
        pytest.skip("built without oneDNN")
    assert engine_of(compiled).startswith("oneDNN ")
    strict = ["--tol-dice", 0.001, "--tol-probability", 1e-4]
    assert run("compare", tmp_path / "script", tmp_path / "compiled", *strict).code == 0
    images = [nibabel.load(output.folder / "t2/lesion_probability.nii.gz") for output in (script, compiled)]
    assert abs(images[0].get_fdata() - images[1].get_fdata()).max() < 1e-4
