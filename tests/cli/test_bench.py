"""The benchmark in its quick mode, on the tiny package: every part runs, what is compared agrees, what is counted is right. No time is judged."""

import json
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import torch
from torch import nn

from conftest import REPOSITORY

SCRIPT = REPOSITORY / "scripts/bench/bench.py"
PARTS = ("end-to-end", "networks", "stages", "memory", "growth", "threads", "limit")

sys.path[:0] = [str(SCRIPT.parent), *(str(REPOSITORY / "scripts" / folder) for folder in ("training", "phantom"))]

import growth  # noqa: E402
from limit import limit_ms, work_of  # noqa: E402
from measure import in_turn  # noqa: E402
from network_times import agreement  # noqa: E402
from networks import DenseNetClassifier, MultiResUNet, with_shuffle_upsampling  # noqa: E402
from package_networks import eager_network  # noqa: E402
from rivals import Rival, Worker  # noqa: E402
from setting import STAGES, Setting  # noqa: E402


@pytest.fixture(scope="module")
def measured(program, tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "bench.json"
    command = [SCRIPT, "--quick", "--no-rivals", "--threads", 1, "--program", program, "--json", file]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text()), done.stdout


def test_every_part_has_a_table(measured):
    results, printed = measured
    assert tuple(results["parts"]) == PARTS
    for title in ("End to end", "Networks only: segmenter, batch 1", "Stages", "Memory", "Growth", "Threads", "Distance to the limit"):
        assert f"### {title}" in printed
    assert "- CPU: " in printed and "nan" not in printed


def test_the_program_agrees_with_the_python_pipeline(measured):
    results, _ = measured
    part = results["parts"]["end-to-end"]
    for name in ("cordlesion, auto", "cordlesion, fp32", "Python, tuned fp32"):
        found = part["contenders"][name]
        assert found["labels_equal"] == part["cases"], name
        assert found["smallest_dice"] == 1 and found["largest_probability_difference"] < 1e-6, name


def test_the_networks_see_the_same_and_say_the_same(measured):
    results, _ = measured
    for title, rows in results["parts"]["networks"]["tables"].items():
        assert rows["cordlesion, fp32"]["largest_difference"] < 1e-5, title


def test_stages_and_growth_say_how_far_their_outputs_agree(measured):
    results, printed = measured
    for precision, stages in results["parts"]["stages"].items():
        assert stages["agreement"]["labels_equal"] == stages["agreement"]["cases"] == 3, precision
        assert 0 < stages["outside the networks"][0] < stages["whole run"][0]
    for found in (*results["parts"]["growth"]["slices"].values(), *results["parts"]["growth"]["matrix"].values()):
        assert found["smallest_dice"] == 1 and found["largest_probability_difference"] < 1e-6
    assert "fp32 against fp32: 3/3 labels equal" in printed


def test_memory_is_that_of_all_the_cases(measured):
    results, printed = measured
    memory = results["parts"]["memory"]
    assert memory["cases"] == 9 and len(memory["resident_mb"]) == 3
    assert "resident after 90% of 9 cases" in printed


def test_threads_and_shards_give_the_same_masks(measured):
    results, printed = measured
    assert results["parts"]["threads"]["same_masks"] is True and "Masks of all runs equal: yes" in printed


def test_a_rival_that_fails_is_named_with_its_reason(measured):
    """The tiny package's networks are not those that eager PyTorch knows."""
    results, printed = measured
    assert "torch eager, fp32 did not run: RuntimeError" in printed
    assert "error" in results["parts"]["networks"]["tables"]["segmenter, batch 1"]["torch eager, fp32"]


def test_an_unknown_part_is_refused(program):
    done = subprocess.run([str(SCRIPT), "speed", "--quick", "--program", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "unknown part speed; expected end-to-end" in done.stderr


@pytest.mark.parametrize("option, message", [
    (["--json", "nowhere/bench.json"], "nowhere/bench.json: the folder is not there"),
    (["--rivals", "nowhere/python"], "nowhere/python is not there"),
    (["--rounds", "0"], "argument --rounds"),
])  # fmt: skip
def test_wrong_options_are_refused_before_anything_is_measured(program, option, message):
    done = subprocess.run([str(SCRIPT), "--quick", "--program", program, *option], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and message in done.stderr and "measuring" not in done.stderr


def test_rivals_that_are_not_installed_are_named(measured):
    assert "Not installed, so not measured: ONNX Runtime, OpenVINO" in measured[1]


@pytest.fixture
def setting(tmp_path):
    return Setting(program="", models=tmp_path, threads=1, rounds=1, cases=2, quick=False, rivals=None, folder=tmp_path, shared=tmp_path)


def test_a_rival_whose_process_ends_costs_its_row_alone(setting, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho some library is broken >&2\nexit 3\n")
    python.chmod(0o755)
    with Worker(Rival("broken", str(python), "eager", False), setting, tmp_path) as worker:
        worker.process.wait()
        for _ in range(2):
            assert worker.ask({"network": "segmenter"}) == {"error": "the process ended with code 3, saying: some library is broken"}


def test_the_time_of_a_case_counts_the_networks_once(setting, monkeypatch):
    stages = dict.fromkeys(STAGES, 10.0)
    monkeypatch.setattr(growth, "predict", lambda *_, **__: None)
    monkeypatch.setattr(growth, "stage_times", lambda _: [{**stages, "segment_network": 9.0, "classify_network": 9.0}] * 2)
    assert growth.case_times(setting, setting.folder) == [60, 60]


def test_the_usual_cases_are_spines_of_all_classes(setting):
    first, second = sorted(setting.usual_cases().iterdir())
    found = [nibabel.load(path) for path in (first, second)]
    assert [image.shape[2] for image in found] == [12, 12]
    assert all("".join(nibabel.aff2axcodes(image.affine))[2] in "LR" for image in found), "sagittal"
    assert not np.array_equal(found[0].get_fdata(), found[1].get_fdata())


def test_turns_go_forwards_and_backwards():
    order = []
    results = in_turn({name: lambda name=name: order.append(name) or name for name in "abc"}, 3)
    assert "".join(order) == "abccbaabc"
    assert results == {name: [name] * 3 for name in "abc"}


def test_difference_and_dice_of_outputs():
    expected, found = torch.tensor([[0.9, 0.6, 0.2]]).numpy(), torch.tensor([[0.9, 0.4, 0.2]]).numpy()
    result = agreement("segmenter", found, expected, 0.5)
    assert result["largest_difference"] == pytest.approx(0.2) and result["dice"] == pytest.approx(2 / 3)


def test_operations_of_a_convolution_by_hand():
    (work,) = work_of(nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False), [1, 3, 8, 8])
    assert work.operations == 2 * (5 * 4 * 4) * (3 * 9)
    assert work.numbers_moved == 3 * 64 + 5 * 27 + 5 * 16
    limit = limit_ms([work], 4, operations_per_s=1e9, bytes_per_s=1e6)
    assert limit["arithmetic_ms"] == pytest.approx(1e-6 * work.operations)
    assert limit["limit_ms"] == pytest.approx(4e-3 * work.numbers_moved), "the copy is slower here"


@pytest.mark.parametrize("network, channels, gflop", [(MultiResUNet, 1, 31.3), (DenseNetClassifier, 3, 7.4)])
def test_operations_of_the_networks(network, channels, gflop):
    """The published networks at 256 x 256, counted at a quarter of the edge."""
    instance = with_shuffle_upsampling(network()).eval()
    operations = sum(work.operations for work in work_of(instance, [1, channels, 64, 64]))
    assert 16 * operations == pytest.approx(gflop * 1e9, rel=0.02)


def test_modules_from_a_package_say_what_its_torchscript_says():
    network = DenseNetClassifier(3).eval()
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(eager_network(torch.jit.script(network), "ms_vs_nmosd")(image), network(image), atol=1e-6)
