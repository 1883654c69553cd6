"""One thread or all, and one process of all threads against as many processes of one thread, each with its shard of the cases."""

import gzip
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Iterable, Tuple

from measure import in_turn
from setting import Setting, predict
from tables import markdown, spread_of


def digest_of_masks(folders: Iterable[Path]) -> str:
    """Of the masks of all cases that the output folders hold, in the order of the cases."""
    masks = sorted((path for folder in folders for path in folder.glob("*/lesion_mask.nii.gz")), key=lambda path: path.parent.name)
    return hashlib.sha256(b"".join(gzip.decompress(path.read_bytes()) for path in masks)).hexdigest()


def one_process(setting: Setting, cases: Path, threads: int) -> Tuple[float, str]:
    out = setting.folder / "threads_out"
    return predict(setting, cases, out=out, threads=threads).wall_s, digest_of_masks([out])


def processes_of_one(setting: Setting, cases: Path, count: int) -> Tuple[float, str]:
    """Seconds until the last of `count` shards ends."""
    outs = [setting.folder / f"shard{i}" for i in range(count)]
    begin = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        shards = [pool.submit(predict, setting, cases, "--shard", f"{i + 1}/{count}", out=out, threads=1) for i, out in enumerate(outs)]
    for shard in shards:
        shard.result()
    return time.monotonic() - begin, digest_of_masks(outs)


def measure(setting: Setting) -> dict:
    cases = setting.usual_cases()
    several = max(setting.threads, 2)
    actions = {
        "one process of 1 thread": partial(one_process, setting, cases, 1),
        f"one process of {several} threads": partial(one_process, setting, cases, several),
        f"{several} processes of 1 thread": partial(processes_of_one, setting, cases, several),
    }
    runs = in_turn(actions, setting.rounds)
    return {
        "cases": setting.cases,
        "wall_s": {name: [wall_s for wall_s, _ in found] for name, found in runs.items()},
        "same_masks": len({digest for found in runs.values() for _, digest in found}) == 1,
    }


def report(measured: dict) -> str:
    walls = {name: median(times) for name, times in measured["wall_s"].items()}
    slowest = walls["one process of 1 thread"]
    rows = [[name, wall, spread_of(measured["wall_s"][name]), 3600 * measured["cases"] / wall, slowest / wall] for name, wall in walls.items()]
    note = f"Start-up included. Masks of all runs equal: {'yes' if measured['same_masks'] else 'NO'}."
    return markdown(f"Threads, {measured['cases']} cases", ["way", "s, median", "range", "cases per hour", "times as fast"], rows, note)
