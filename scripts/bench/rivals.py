"""The other ways to run the networks: which there are on this machine, and a process for each that answers requests in turn."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, NamedTuple

from machine import has_module, precisions
from setting import Setting

WORKER = Path(__file__).parent / "engine_worker.py"
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "2147483647", "MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_TOP_PAD_": "67108864"}
"""glibc's allocator as `cordlesion` sets it for itself: without it every large tensor is mapped and unmapped, and the rivals take twice the time."""


class Rival(NamedTuple):
    name: str
    python: str
    engine: str
    bf16: bool


def rivals_of(setting: Setting) -> List[Rival]:
    """PyTorch of this Python, and what the rivals' environment has."""
    found = torch_rivals("torch", sys.executable, ["eager", "frozen"])
    if setting.rivals:
        python = str(setting.rivals)
        if has_module(python, "torch"):
            found += torch_rivals("newer torch", python, ["eager", "frozen", "compiled"])
        if has_module(python, "onnxruntime"):
            found.append(Rival("ONNX Runtime, fp32", python, "onnxruntime", False))
        if has_module(python, "openvino"):
            found += [Rival("OpenVINO, own precision", python, "openvino", True), Rival("OpenVINO, fp32", python, "openvino", False)]
    return found


def not_installed(setting: Setting) -> List[str]:
    """Rivals that this machine lacks, in words."""
    names = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
    return [name for module, name in names.items() if not (setting.rivals and has_module(str(setting.rivals), module))]


def torch_rivals(label: str, python: str, engines: List[str]) -> List[Rival]:
    return [Rival(f"{label} {engine}, {precision}", python, engine, precision == "bf16") for engine in engines for precision in precisions()]


class Worker:
    """A rival's process; it idles between requests. To be used in a `with` statement, so that none stays."""

    def __init__(self, rival: Rival, setting: Setting, onnx: Path):
        command = [rival.python, WORKER, rival.engine, "--models", setting.models, "--onnx", onnx, "--threads", setting.threads]
        environment = {**KEPT_MEMORY, "OMP_NUM_THREADS": str(setting.threads), "PYTHONDONTWRITEBYTECODE": "1"}
        self.messages = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*map(str, command), *(["--bf16"] if rival.bf16 else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
            env={**os.environ, **environment},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):  # of a request that a process that has ended did not take
            self.process.stdin.close()
        self.process.wait()
        self.messages.close()

    def ask(self, request: dict) -> dict:
        """The answer, or {"error"} if the process has ended."""
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": f"the process ended with code {self.process.wait()}{self.last_message()}"}

    def last_message(self) -> str:
        self.messages.seek(0)
        lines = self.messages.read().decode(errors="replace").split("\n")
        return "".join(f", saying: {line.strip()}" for line in [line for line in lines if line.strip()][-1:])
