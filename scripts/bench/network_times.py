"""The networks alone, per slice: `cordlesion` against the other ways to run them on this CPU, on the same inputs, in turn.

Times of the program are its own `segment_network` and `classify_network` of `timing_ms`; the latter also builds the channels. It computes slice by slice,
whatever the batch of the others.
"""

import shutil
from contextlib import ExitStack
from functools import partial
from statistics import median

import nibabel
import numpy as np

from end_to_end import dice
from machine import precisions
from measure import in_turn
from network_inputs import Task, all_tasks
from onnx_export import export_onnx
from rivals import Worker, not_installed, rivals_of
from setting import Setting, predict, reports, stage_times
from tables import markdown, spread_of

REFERENCE = "torch frozen, fp32"
REPEATS = 5
"""Passes over the inputs in one turn; of the program, cases in one run, of which the first does not count."""


def program_turn(setting: Setting, task: Task, precision: str, output) -> dict:
    """Milliseconds per slice and network, and the probabilities, of one run over copies of the volume."""
    cases = setting.folder / "copies"
    shutil.rmtree(cases, ignore_errors=True)
    cases.mkdir()
    for number in range(2 if setting.quick else REPEATS + 1):
        shutil.copy(task.volume, cases / f"case{number}.nii.gz")
    segmenter = task.network == "segmenter"
    options = ["--save-probability"] if segmenter else ["--masks", masks_of(task, cases)]
    out = setting.folder / "program"
    predict(setting, cases, "--precision", precision, *options, out=out)
    first = reports(out)[0]
    if segmenter:
        probability = nibabel.load(out / first["case_id"] / "lesion_probability.nii.gz")
        np.save(output, np.asarray(probability.dataobj)[:, None])
        return {"ms_per_slice": [times["segment_network"] / probability.shape[0] for times in stage_times(out)]}
    np.save(output, np.array([slice_["second_class_probability"][task.network] for slice_ in first["selected_slices"]]))
    evaluations = len(first["selected_slices"]) * len(first["classification"]["path"])
    return {"ms_per_slice": [times["classify_network"] / evaluations for times in stage_times(out)]}


def masks_of(task: Task, cases):
    folder = cases.parent / "copied_masks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in cases.iterdir():
        shutil.copy(task.mask, folder / path.name)
    return folder


def agreement(network: str, found: np.ndarray, expected: np.ndarray, threshold: float) -> dict:
    result = {"largest_difference": float(np.abs(found - expected).max())}
    if network == "segmenter":
        result["dice"] = dice(found >= threshold, expected >= threshold)
    return result


def measure_task(setting: Setting, task: Task, workers: dict) -> dict:
    """Rows of one table: name to times and agreement, or `error`."""
    outputs = task.inputs.parent
    repeat = 1 if setting.quick else REPEATS
    actions = {}
    for precision in precisions():
        name = f"cordlesion, {precision}"
        actions[name] = partial(program_turn, setting, task, precision, outputs / f"{name}.npy")
    for name, worker in workers.items():
        request = {"network": task.network, "inputs": str(task.inputs), "batch": task.batch, "repeat": repeat, "output": str(outputs / f"{name}.npy")}
        actions[name] = partial(worker.ask, request)
    turns = in_turn(actions, setting.rounds)
    expected = np.load(outputs / f"{REFERENCE}.npy")
    rows = {}
    for name, answers in turns.items():
        errors = [answer["error"] for answer in answers if "error" in answer]
        if errors:
            rows[name] = {"error": errors[0]}
            continue
        found = np.load(outputs / f"{name}.npy")
        threshold = setting.manifest()["segmenter"]["threshold"]
        rows[name] = {
            "ms_per_slice": [time for answer in answers for time in answer["ms_per_slice"]],
            **agreement(task.network, found, expected, threshold),
        }
    return rows


def measure(setting: Setting) -> dict:
    rivals = rivals_of(setting)
    onnx = setting.folder / "onnx"
    if any(rival.engine in ("onnxruntime", "openvino") for rival in rivals):
        export_onnx(setting.models, setting.manifest(), onnx)
    with ExitStack() as stack:
        workers = {rival.name: stack.enter_context(Worker(rival, setting, onnx)) for rival in rivals}
        tables = {title: measure_task(setting, task, workers) for title, task in all_tasks(setting).items()}
    return {"tables": tables, "not_installed": not_installed(setting)}


def report(measured: dict) -> str:
    missing = measured["not_installed"]
    note = f"Not installed, so not measured: {', '.join(missing)} (scripts/bench/setup_rivals.sh).\n" if missing else ""
    return "\n".join([*(report_task(title, rows) for title, rows in measured["tables"].items()), note])


def report_task(title: str, rows: dict) -> str:
    ours = {name: median(rows[name]["ms_per_slice"]) for name in rows if name.startswith("cordlesion")}
    lines, failures = [], []
    for name, row in rows.items():
        if "error" in row:
            failures.append(f"{name} did not run: {row['error']}.")
            continue
        time = median(row["ms_per_slice"])
        ratios = [mine / time for mine in ours.values()]
        overlap = f"{row['dice']:.5f}" if "dice" in row else None
        lines.append([name, time, spread_of(row["ms_per_slice"]), *ratios, f"{row['largest_difference']:.1e}", overlap])
    header = ["way", "ms per slice, median", "range", *[f"{name.replace('cordlesion', 'ours')} / this" for name in ours],
              "largest difference of a probability", "Dice"]  # fmt: skip
    return markdown(f"Networks only: {title}", header, lines, " ".join([f"Differences are from '{REFERENCE}'.", *failures]))
