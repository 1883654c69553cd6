"""Networks compiled for oneDNN against the same networks as TorchScript, through the command line."""

import json

import nibabel
import pytest

from conftest import REPOSITORY
from tiny_package import write_package
from volumes import NMOSD, write_volume

PACKAGE = REPOSITORY / "models/phantom-1"


def engine_of(output):
    return json.loads((output.folder / "run.json").read_text())["versions"]["engine"]


def uses_onednn(run):
    return "oneDNN" in run("--version").out


def test_networks_of_other_operations_run_as_torchscript(run, predict, tmp_path):
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD))
    assert engine_of(output) == "TorchScript"  # the tiny package sums rows, which no plan knows
    if uses_onednn(run):
        assert "runs as TorchScript, several times slower than compiled: ms_vs_nmosd.pt: " in output.result.err
    asked = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD), "--engine", "torchscript", out=tmp_path / "asked")
    assert "runs as TorchScript" not in asked.result.err


def test_bf16_is_only_for_a_processor_that_has_it(run, tmp_path, monkeypatch):
    """oneDNN is told to do without AVX-512, as on a processor that has none."""
    if not uses_onednn(run):
        pytest.skip("built without oneDNN")
    package = write_package(tmp_path / "tiny")
    manifest = json.loads((package / "manifest.json").read_text())
    (package / "manifest.json").write_text(json.dumps({**manifest, "bf16_agrees": True}))
    volume = write_volume(tmp_path / "t2.nii.gz", NMOSD)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    automatic = run("predict", volume, "-o", tmp_path / "auto", "--models", package)
    assert automatic.code == 0, automatic.err
    assert json.loads((tmp_path / "auto/run.json").read_text())["precision"] == "fp32"
    asked = run("predict", volume, "-o", tmp_path / "bf16", "--models", package, "--precision", "bf16")
    assert asked.code == 2 and "--precision bf16: expected a CPU with AVX-512" in asked.err
    assert not (tmp_path / "bf16").exists()


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
