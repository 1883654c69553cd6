"""One thread or all, and one process of all threads against as many processes of one thread, each with its shard of the cases."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from made_cases import write_cases
from measure import in_turn
from setting import Setting, predict
from tables import markdown, spread_of


def one_process(setting: Setting, cases: Path, threads: int) -> float:
    return predict(setting, cases, threads=threads).wall_s


def processes_of_one(setting: Setting, cases: Path, count: int) -> float:
    """Seconds until the last of `count` shards ends."""
    begin = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        shards = [
            pool.submit(predict, setting, cases, "--shard", f"{i + 1}/{count}", out=setting.folder / f"shard{i}", threads=1) for i in range(count)
        ]
    for shard in shards:
        shard.result()
    return time.monotonic() - begin


def measure(setting: Setting) -> dict:
    cases = write_cases(setting.folder / "thread_cases", setting.cases, *setting.usual_size())
    several = max(setting.threads, 2)
    actions = {
        "one process of 1 thread": partial(one_process, setting, cases, 1),
        f"one process of {several} threads": partial(one_process, setting, cases, several),
        f"{several} processes of 1 thread": partial(processes_of_one, setting, cases, several),
    }
    return {"cases": setting.cases, "wall_s": in_turn(actions, setting.rounds)}


def report(measured: dict) -> str:
    walls = {name: median(times) for name, times in measured["wall_s"].items()}
    slowest = walls["one process of 1 thread"]
    rows = [[name, wall, spread_of(measured["wall_s"][name]), 3600 * measured["cases"] / wall, slowest / wall] for name, wall in walls.items()]
    return markdown(f"Threads, {measured['cases']} cases", ["way", "s, median", "range", "cases per hour", "times as fast"], rows, "Start-up included.")
