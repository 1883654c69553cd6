"""Model packages: described, verified, and refused before any case is read."""

import json
import shutil

import pytest
import torch

from tiny_package import write_manifest
from volumes import NMOSD, write_volume


@pytest.fixture
def copy(package, tmp_path):
    """A package that a test may damage."""
    return shutil.copytree(package, tmp_path / "copy")


def swap_two_networks(folder):
    shutil.copy(folder / "ms_vs_nmosd.pt", folder / "astrocytoma_vs_ependymoma.pt")


def garble_manifest(folder):
    (folder / "manifest.json").write_text("{ this is no JSON")


def remove_manifest(folder):
    (folder / "manifest.json").unlink()


def remove_network(folder):
    (folder / "segmenter.pt").unlink()


def replace_network_by_garbage(folder):
    (folder / "segmenter.pt").write_bytes(b"garbage" * 100)
    write_manifest(folder)


def claim_newer_schema(folder):
    write_manifest(folder, schema_version=99)


def leave_out_a_key(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["normalisation"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def ask_for_contrast(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["classifiers"]["ms_vs_nmosd"]["channels"][0] = "t1c"
    (folder / "manifest.json").write_text(json.dumps(manifest))


def put_segmenter_for_classifier(folder):
    shutil.copy(folder / "segmenter.pt", folder / "ms_vs_nmosd.pt")
    write_manifest(folder)


BREAKAGES = [
    (swap_two_networks, "astrocytoma_vs_ependymoma.pt: expected SHA-256"),
    (garble_manifest, "expected JSON"),
    (remove_manifest, "manifest.json"),
    (remove_network, "segmenter.pt"),
    (replace_network_by_garbage, "expected a TorchScript file"),
    (claim_newer_schema, "schema_version"),
    (leave_out_a_key, "normalisation"),
    (ask_for_contrast, "t1c"),
    (put_segmenter_for_classifier, "grad_cam"),
]


@pytest.mark.parametrize("damage, message", BREAKAGES, ids=[damage.__name__ for damage, _ in BREAKAGES])
def test_a_broken_package_exits_4_before_any_case_is_read(predict, run, tmp_path, copy, damage, message):
    """Row 40 of the list of bad inputs."""
    damage(copy)
    image = tmp_path / "damaged.nii.gz"
    image.write_bytes(b"never read")
    output = predict(image, models=copy, code=4)
    assert message in output.result.err
    assert "damaged" not in output.result.err.replace(str(copy), "")
    assert not output.folder.exists()
    assert run("models", copy).code == 4


def test_a_missing_package_exits_4_and_says_how_to_get_one(predict, tmp_path):
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD), models=tmp_path / "nowhere", code=4)
    assert "--models" in output.result.err
    assert not output.folder.exists()


def test_an_altered_network_runs_only_if_allowed_and_the_report_says_so(predict, tmp_path, copy):
    swap_two_networks(copy)
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD), "--allow-unverified-models", models=copy)
    assert output.report("t2")["models"]["verified"] is False
    assert "not what its manifest describes" in output.result.err


def test_an_untrained_package_is_announced(predict, tmp_path):
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD))
    assert "untrained" in output.result.err
    models = output.report("t2")["models"]
    assert (models["name"], models["trained"], models["verified"]) == ("tiny", False, True)


def test_a_trained_package_says_with_every_run_what_it_was_trained_on(predict, tmp_path, copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest.update(trained=True, trained_on="simulated spines, no patients")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD), models=copy)
    assert "model package 'tiny', trained on simulated spines, no patients" in output.result.err
    assert output.report("t2")["models"]["trained_on"] == "simulated spines, no patients"


def test_models_describes_and_verifies_a_package(run, package):
    result = run("models", package)
    assert result.code == 0
    for expected in ("tiny version 1", "UNTRAINED", "64 x 64, letterbox", "ms_vs_nmosd.pt", "golden input  passed", "verified"):
        assert expected in result.out


def test_models_exits_4_if_the_golden_outputs_are_others(run, copy):
    golden = torch.jit.load(str(copy / "golden.pt"))
    golden.ms_vs_nmosd += 1
    torch.jit.save(golden, str(copy / "golden.pt"))
    write_manifest(copy)
    result = run("models", copy)
    assert result.code == 4
    assert "golden input  FAILED" in result.out and "golden_differs" in result.err


def test_the_threshold_of_the_manifest_is_obeyed(predict, tmp_path, copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["classifiers"]["ms_vs_nmosd"].update(threshold=0.95, threshold_source="validation data")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    output = predict(write_volume(tmp_path / "t2.nii.gz", NMOSD), models=copy)
    assert output.report("t2")["classification"]["label"] == "ms"
