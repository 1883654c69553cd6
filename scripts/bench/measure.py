"""Runs programs and notes what they took: wall and CPU time, memory; and repeats runs in turn, so that no side gets the quieter machine."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional


class Step(NamedTuple):
    """What one run took; `memory_mb` is the resident memory of its main process when each of the marks appeared, `peak_mb` its peak."""

    wall_s: float
    cpu_s: float
    memory_mb: List[float]
    peak_mb: float


def status_mb(pid: int, field: str) -> Optional[float]:
    """VmRSS or VmHWM of a process; none if it has just ended. (The peak that wait4 gives counts the parent's memory from before exec.)"""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024 / 1e6
    return None


class Watcher(threading.Thread):
    """Notes the peak, and the memory as each mark, a file that the program writes, appears."""

    def __init__(self, pid: int, marks: List[Path]):
        super().__init__()
        self.pid, self.marks = pid, list(marks)
        self.ended = threading.Event()
        self.memory_mb: List[float] = []
        self.peak_mb = 0.0

    def run(self):
        while not self.ended.wait(0.01):
            self.peak_mb = max(self.peak_mb, status_mb(self.pid, "VmHWM") or 0)
            resident = status_mb(self.pid, "VmRSS")
            if self.marks and resident and self.marks[0].exists():
                self.marks.pop(0)
                self.memory_mb.append(resident)


def run(*command, marks=(), env=None) -> Step:
    """Runs a program to its end; CPU time includes its child processes. Ends with its messages if it fails."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=messages, env={**os.environ, **(env or {})})
        watcher = Watcher(process.pid, list(marks))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begin
        watcher.ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            messages.seek(0)
            sys.exit(f"{command[0]} failed with code {process.returncode}:\n{messages.read().decode(errors='replace')[-2000:]}")
    return Step(wall_s, usage.ru_utime + usage.ru_stime, watcher.memory_mb, watcher.peak_mb)


NETWORKS = ("segment_network", "classify_network")
"""What the program notes of its networks alone, parts of the stages `segment` and `classify`."""


def network_seconds(out: Path) -> float:
    """Time of a run in the networks, as its reports say."""
    times = (json.loads(path.read_text(encoding="utf-8"))["timing_ms"] for path in out.glob("*/report.json"))
    return sum(timing.get(part, 0) for timing in times for part in NETWORKS) / 1000


def in_turn(actions: Dict[str, Callable], rounds: int) -> Dict[str, list]:
    """Results of each action, called once per round; every second round goes backwards."""
    results: Dict[str, list] = {name: [] for name in actions}
    for number in range(rounds):
        names = list(actions)
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(actions[name]())
    return results
