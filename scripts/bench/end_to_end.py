"""Whole cases: `cordlesion predict` against the Python pipeline, on the same cases with the same weights, in turn."""

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Dict, List, NamedTuple

import nibabel
import numpy as np

from machine import has_bf16, has_module, precisions
from measure import in_turn, run
from setting import Setting, predict, reports
from tables import markdown, spread_of

PIPELINE = Path(__file__).parent / "pipeline.py"
REFERENCE = "Python, plain fp32"


class Found(NamedTuple):
    """What one side says of a case."""

    label: str
    probabilities: Dict[str, float]
    mask: np.ndarray


def found_by_program(out: Path, manifest: dict) -> Dict[str, Found]:
    found = {}
    for report in reports(out):
        nodes = {name: node for name, node in report["classification"]["nodes"].items() if node["reached"]}
        probabilities = {name: node["probabilities"][manifest["classifiers"][name]["classes"][1]] for name, node in nodes.items()}
        mask = np.asarray(nibabel.load(out / report["case_id"] / "lesion_mask.nii.gz").dataobj)
        found[report["case_id"]] = Found(report["classification"]["label"], probabilities, mask)
    return found


def found_by_pipeline(out: Path) -> Dict[str, Found]:
    found = {}
    for path in sorted(out.glob("*/result.json")):
        result = json.loads(path.read_text())
        mask = np.asarray(nibabel.load(path.parent / "lesion_mask.nii.gz").dataobj)
        found[path.parent.name] = Found(result["label"], result["probabilities"], mask)
    return found


def dice(a: np.ndarray, b: np.ndarray) -> float:
    total = int(a.sum()) + int(b.sum())
    return 2 * int(np.logical_and(a, b).sum()) / total if total else 1.0


def agreement(found: Dict[str, Found], expected: Dict[str, Found]) -> dict:
    """Over all cases: equal labels, smallest Dice, largest difference of a probability that both have."""
    if found.keys() != expected.keys():
        sys.exit(f"the two sides did not compute the same cases: {sorted(found.keys() ^ expected.keys())}")
    pairs = [(found[case], expected[case]) for case in expected]
    differences = [abs(a.probabilities[node] - b.probabilities[node]) for a, b in pairs for node in a.probabilities.keys() & b.probabilities.keys()]
    return {
        "cases": len(pairs),
        "labels_equal": sum((a.label or None) == (b.label or None) for a, b in pairs),
        "smallest_dice": min(dice(a.mask, b.mask) for a, b in pairs),
        "largest_probability_difference": max(differences, default=0.0),
    }


def agreement_cells(found: dict) -> List[str]:
    """As the tables show it: labels equal, smallest Dice, largest difference of a probability."""
    return [f"{found['labels_equal']}/{found['cases']}", f"{found['smallest_dice']:.5f}", f"{found['largest_probability_difference']:.1e}"]


def pipeline_contenders(setting: Setting, cases: Path) -> dict:
    """The Python side: name to action."""
    interpreters = {"Python": sys.executable}
    if setting.rivals and all(has_module(setting.rivals, name) for name in ("torch", "nibabel", "scipy")):
        interpreters["Python, newer torch"] = str(setting.rivals)
    ways = {"plain fp32": [], "tuned fp32": ["--tuned"]}
    if has_bf16():
        ways["tuned bf16"] = ["--tuned", "--bf16"]
    actions = {}
    for label, interpreter in interpreters.items():
        for way, options in ways.items():
            name = f"{label}, {way}"
            actions[name] = partial(run_pipeline, setting, interpreter, cases, setting.folder / name, options)
    return actions


def run_pipeline(setting: Setting, interpreter: str, cases: Path, out: Path, options: List[str]):
    command = [interpreter, PIPELINE, cases, "-o", out, "--models", setting.models, "--threads", setting.threads, *options]
    shutil.rmtree(out, ignore_errors=True)
    return run(*command, env={"OMP_NUM_THREADS": str(setting.threads)})


def program_contenders(setting: Setting, cases: Path) -> dict:
    return {
        f"cordlesion, {precision}": partial(predict, setting, cases, "--precision", precision, out=setting.folder / f"cordlesion, {precision}")
        for precision in ["auto", *precisions()]
    }


def measure(setting: Setting) -> dict:
    cases = setting.usual_cases()
    actions = {**program_contenders(setting, cases), **pipeline_contenders(setting, cases)}
    steps = in_turn(actions, setting.rounds)
    expected = found_by_pipeline(setting.folder / REFERENCE)
    contenders = {}
    for name, runs in steps.items():
        out = setting.folder / name
        found = found_by_program(out, setting.manifest()) if name.startswith("cordlesion") else found_by_pipeline(out)
        contenders[name] = {
            "wall_s": [step.wall_s for step in runs],
            "cpu_s": [step.cpu_s for step in runs],
            "peak_mb": [step.peak_mb for step in runs],
            **agreement(found, expected),
        }
    precision = json.loads((setting.folder / "cordlesion, auto" / "run.json").read_text())["precision"]
    return {"cases": setting.cases, "auto_is": precision, "contenders": contenders}


def report(measured: dict) -> str:
    contenders, cases = measured["contenders"], measured["cases"]
    ours = {name: median(contenders[f"cordlesion, {name}"]["wall_s"]) for name in ("auto", "fp32")}
    rows = []
    for name, figures in contenders.items():
        wall = median(figures["wall_s"])
        rows.append([
            name, 1000 * wall / cases, spread_of([1000 * seconds / cases for seconds in figures["wall_s"]]),
            median(figures["cpu_s"]) / cases, median(figures["peak_mb"]), ours["auto"] / wall, ours["fp32"] / wall,
            *agreement_cells(figures),
        ])  # fmt: skip
    header = ["way", "ms per case, median", "range", "CPU s per case", "peak MB", "ours auto / this", "ours fp32 / this",
              "labels equal", "smallest Dice", "largest probability difference"]  # fmt: skip
    note = f"Start-up included, on both sides. `auto` is {measured['auto_is']} with this package. Agreement is with '{REFERENCE}'."
    return markdown(f"End to end, {cases} cases", header, rows, note)
