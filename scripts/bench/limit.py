"""How far from the limit: operations and bytes of the networks over what this machine can do, against what the program takes; and start-up.

The limit of a convolution is the longer of two times: its operations at the rate of a large 3x3 convolution, and its input, weights and
output, each moved once, at the rate of a memory copy. Everything between convolutions counts as free.
"""

import json
import sys
import time
from statistics import median
from typing import Callable, List, NamedTuple

import torch
from torch import nn

from end_to_end import run_pipeline
from machine import precisions
from made_cases import write_cases
from network_inputs import all_tasks
from network_times import program_run
from package_networks import eager_network
from pipeline import ROOT
from setting import Setting, case_ms, predict, stage_times
from tables import markdown

BYTES = {"fp32": 4, "bf16": 2}
LARGER_THAN_ANY_MM3 = 1e9


class Work(NamedTuple):
    """Of one convolution or dense layer on one slice."""

    operations: int
    numbers_moved: int


def work_of(network: nn.Module, shape: List[int]) -> List[Work]:
    """Counted while a slice of `shape` [1,C,H,W] runs through the network."""
    found = []

    def note(module, inputs, output):
        per_output = module.weight[0].numel()
        found.append(Work(2 * output.numel() * per_output, inputs[0].numel() + module.weight.numel() + output.numel()))

    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        network(torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    return found


def best_seconds(action: Callable, repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times[1:])


def convolution_rate(precision: str, quick: bool) -> float:
    """Operations per second of a large 3x3 convolution."""
    channels, size = (32, 32) if quick else (512, 128)
    kind = torch.float32 if precision == "fp32" else torch.bfloat16
    network = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(kind).to(memory_format=torch.channels_last)
    image = torch.rand(1, channels, size, size).to(kind).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = best_seconds(lambda: network(image), 3 if quick else 20)
    return 2 * 9 * channels**2 * size**2 / seconds


def copy_rate(quick: bool) -> float:
    """Bytes per second of a copy that no cache holds, read and written bytes together."""
    source = torch.ones(1 << (20 if quick else 28), dtype=torch.float32)
    target = torch.empty_like(source)
    return 2 * 4 * source.numel() / best_seconds(lambda: target.copy_(source), 3 if quick else 10)


def limit_ms(work: List[Work], bytes_per_number: int, operations_per_s: float, bytes_per_s: float) -> dict:
    arithmetic = [one.operations / operations_per_s for one in work]
    memory = [one.numbers_moved * bytes_per_number / bytes_per_s for one in work]
    return {
        "operations": sum(one.operations for one in work),
        "bytes": sum(one.numbers_moved for one in work) * bytes_per_number,
        "arithmetic_ms": 1000 * sum(arithmetic),
        "limit_ms": 1000 * sum(map(max, arithmetic, memory)),
    }


def counted_work(setting: Setting) -> dict:
    """Per network; none where the package's networks are not those of scripts/training/networks.py."""
    manifest, size = setting.manifest(), setting.manifest()["input_size"]
    channels = {"segmenter": 1, ROOT: len(manifest["classifiers"][ROOT]["channels"])}
    work = {}
    for name, count in channels.items():
        script = torch.jit.load(str(setting.models / f"{name}.pt"), map_location="cpu").float().eval()
        try:
            work[name] = work_of(eager_network(script, name), [1, count, size, size])
        except RuntimeError:
            continue
    return work


def limits(setting: Setting) -> dict:
    torch.set_num_threads(setting.threads)
    rates = {precision: convolution_rate(precision, setting.quick) for precision in precisions()}
    copy = copy_rate(setting.quick)
    work = counted_work(setting)
    largest = {task.network: task for task in all_tasks(setting).values()}
    rows = {}
    for network, task in largest.items():
        for precision in rates:
            times = [program_run(setting, task, precision)[0] for _ in range(setting.rounds)]
            limit = limit_ms(work[network], BYTES[precision], rates[precision], copy) if network in work else None
            rows[f"{network}, {precision}"] = {"ms_per_slice": times, "limit": limit}
    return {"operations_per_s": rates, "copy_bytes_per_s": copy, "networks": rows}


def start_up(setting: Setting) -> dict:
    """Seconds of a run of one case outside that case; and what a case without lesion takes in `classify`."""
    cases = write_cases(setting.folder / "one", 1, *setting.usual_size())
    ours, theirs, without_lesion = [], [], []
    for _ in range(setting.rounds):
        out = setting.folder / "start"
        step = predict(setting, cases, out=out)
        ours.append(step.wall_s - case_ms(stage_times(out)[0]) / 1000)
        step = run_pipeline(setting, sys.executable, cases, setting.folder / "start_python", [])
        took = json.loads((setting.folder / "start_python" / "times.json").read_text())
        theirs.append(step.wall_s - sum(took["cases_s"]))
        predict(setting, cases, "--min-lesion-mm3", LARGER_THAN_ANY_MM3, out=out)
        without_lesion.append(stage_times(out)[0]["classify"])
    return {"program_s": ours, "python_s": theirs, "classify_without_lesion_ms": without_lesion}


def measure(setting: Setting) -> dict:
    return {**limits(setting), "start_up": start_up(setting)}


def report(measured: dict) -> str:
    rates = ", ".join(f"{precision} {rate / 1e12:.3g} TFLOP/s" for precision, rate in measured["operations_per_s"].items())
    note = f"Measured here: a large 3x3 convolution {rates}; memory copy {measured['copy_bytes_per_s'] / 1e9:.3g} GB/s."
    rows = []
    for name, row in measured["networks"].items():
        taken, limit = median(row["ms_per_slice"]), row["limit"]
        counted = [limit["operations"] / 1e9, limit["bytes"] / 1e6, limit["arithmetic_ms"], limit["limit_ms"]] if limit else [None] * 4
        rows.append([name, *counted, taken, taken / limit["limit_ms"] if limit else None])
    header = ["network", "GFLOP per slice", "MB moved", "arithmetic alone, ms", "limit, ms", "program, ms", "program / limit"]
    return markdown("Distance to the limit", header, rows, note) + "\n" + report_start(measured["start_up"])


def report_start(start: dict) -> str:
    ours, theirs = median(start["program_s"]), median(start["python_s"])
    rows = [
        ["start-up, models loaded and tables written, s", ours, theirs, ours / theirs],
        ["`classify` of a case without lesion, ms", median(start["classify_without_lesion_ms"]), None, None],
    ]
    return markdown("Beside the cases", ["", "cordlesion", "Python, plain", "ours / theirs"], rows)
