"""What the numbers were measured on."""

import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Dict, List, Optional

VECTOR_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_fp16")
SETTINGS = ("OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")
RIVAL_PACKAGES = ("torch", "onnxruntime", "openvino", "numpy", "nibabel", "scipy")


def cpuinfo(field: str) -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def has_bf16() -> bool:
    """True if the CPU has bf16 instructions; without them bf16 is slower than fp32, for all sides."""
    return bool({"avx512_bf16", "amx_bf16"} & set(cpuinfo("flags").split()))


def precisions() -> List[str]:
    """In which the networks are measured."""
    return ["fp32", "bf16"] if has_bf16() else ["fp32"]


def has_module(python, name: str) -> bool:
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)"
    return subprocess.run([str(python), "-c", probe], check=False).returncode == 0


def own_versions() -> Dict[str, str]:
    """Of the Python that runs this."""
    found = {}
    for name in RIVAL_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def rival_versions(python: Optional[Path]) -> Dict[str, str]:
    if not python:
        return {}
    probe = "import machine, json; print(json.dumps(machine.own_versions()))"
    done = subprocess.run([str(python), "-c", probe], cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def describe(program: Path, rivals: Optional[Path]) -> dict:
    flags = set(cpuinfo("flags").split())
    version = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "cpu": cpuinfo("model name"),
        "flags": [flag for flag in VECTOR_FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        "load_before": os.getloadavg()[0],
        "system": platform.platform(),
        "environment": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "program": "; ".join(version.splitlines()),
        "python": {"python": platform.python_version(), **own_versions()},
        "rivals": rival_versions(rivals),
    }


def report(machine: dict, threads: int) -> str:
    def listed(pairs: dict) -> str:
        return ", ".join(f"{name} {value}" for name, value in pairs.items()) or "none"

    return "\n".join([
        f"- CPU: {machine['cpu']}, {machine['cores']} cores usable, {machine['memory_gb']:.0f} GB; {', '.join(machine['flags'])}",
        f"- {machine['system']}; load before the start {machine['load_before']:.1f}; every side has {threads} threads",
        f"- {machine['program']}",
        f"- Python: {listed(machine['python'])}",
        f"- rivals' environment: {listed(machine['rivals'])}",
        f"- environment variables: {listed(machine['environment'])}",
        "",
    ])  # fmt: skip
