"""The networks alone, per slice: `cordlesion` against the other ways to run them on this CPU, on the same inputs, in turn.

Times of the program are its own `segment_network` and `classify_network` of `timing_ms`; the latter also builds the channels. It computes slice by slice,
whatever the batch of the others.
"""

from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Tuple

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
"""Passes over the inputs in one turn."""


def program_run(setting: Setting, task: Task, precision: str) -> Tuple[float, dict]:
    """Milliseconds per slice and network, and the report. The volume is a case of its own, so that none is loaded or written beside it."""
    segmenter = task.network == "segmenter"
    repeat = 1 if setting.quick else REPEATS
    volume = repeated(setting.folder / "repeated" / task.volume.name, task.volume, repeat)
    options = ["--precision", precision]
    if not segmenter:
        options += ["--masks", repeated(setting.folder / "repeated_masks" / task.volume.name, task.mask, repeat).parent]
    out = setting.folder / "program"
    predict(setting, volume.parent, *options, out=out)
    report, times = reports(out)[0], stage_times(out)[0]
    if segmenter:
        return times["segment_network"] / nibabel.load(volume).shape[0], report
    return times["classify_network"] / (len(report["selected_slices"]) * len(report["classification"]["path"])), report


def program_turn(setting: Setting, task: Task, precision: str, output) -> dict:
    """The time of `program_run`; the probabilities go to `output`."""
    time, report = program_run(setting, task, precision)
    if task.network == "segmenter":
        out = setting.folder / "probability"
        predict(setting, task.volume, "--precision", precision, "--save-probability", out=out)
        probability = nibabel.load(out / reports(out)[0]["case_id"] / "lesion_probability.nii.gz")
        np.save(output, np.asarray(probability.dataobj)[:, None])
    else:
        np.save(output, np.array([slice_["second_class_probability"][task.network] for slice_ in report["selected_slices"][: task.batch]]))
    return {"ms_per_slice": [time]}


def repeated(path, source, count: int):
    """A file of the slices of `source`, `count` times one behind the other."""
    image = nibabel.load(source)
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.tile(np.asarray(image.dataobj), (count, 1, 1)), image.affine), path)
    return path


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
