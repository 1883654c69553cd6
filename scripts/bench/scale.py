#!/usr/bin/python3
"""Measures `cordlesion` on a cohort of many tiny cases: what a case costs outside the networks, and whether memory stays flat.

Makes N small volumes and the tiny model package of the tests in a temporary folder, lists them (--dry-run), runs them, resumes the
finished run, merges and compares it, and prints wall and CPU time of each step and the memory of the run at a tenth of the cases, at half and near the end.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/cli"))

from measure import network_seconds, run  # noqa: E402
from tiny_package import write_package  # noqa: E402
from volumes import LABEL_BOXES, box, write_volume  # noqa: E402

PARTS = (0.1, 0.5, 0.95)
"""Of the cohort, after which the memory is noted."""


def write_cohort(folder: Path, count: int):
    """Volumes with a lesion of every class and without one, in turn."""
    folder.mkdir()
    templates = [write_volume(folder.parent / "template.nii.gz", *boxes).read_bytes() for boxes in [[]] + [[box(*size)] for size in LABEL_BOXES.values()]]
    for number in range(count):
        (folder / f"case{number:06}.nii.gz").write_bytes(templates[number % len(templates)])


def measure(program: Path, count: int, folder: Path) -> dict:
    """All steps on a cohort of `count` cases under `folder`; times in seconds."""
    models = write_package(folder / "tiny")
    cohort, out = folder / "cohort", folder / "out"
    write_cohort(cohort, count)
    marks = [out / f"case{int(part * count):06}" / "report.json" for part in PARTS]
    options = ["--models", models, "--threads", 1]
    (folder / "one").mkdir()
    write_volume(folder / "one" / "t2.nii.gz", box(*LABEL_BOXES["ms"]))
    steps = {
        "start-up": run(program, "predict", folder / "one", "-o", folder / "start", *options),
        "dry run": run(program, "predict", cohort, "-o", out, *options, "--dry-run"),
        "predict": run(program, "predict", cohort, "-o", out, *options, marks=marks),
        "resume": run(program, "predict", cohort, "-o", out, *options, "--resume"),
        "merge": run(program, "merge", out, "-o", folder / "merged"),
        "compare": run(program, "compare", out, folder / "merged"),
    }
    predict = steps["predict"]
    outside = predict.wall_s - steps["start-up"].wall_s - network_seconds(out)
    return {
        "steps": steps,
        "outside_networks_ms": 1000 * outside / count,
        "memory_mb": predict.memory_mb,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10000, metavar="N", help="size of the cohort [10000]; about 100 kB of disk each")
    parser.add_argument("--program", type=Path, default=REPOSITORY / "build/release/cordlesion", help="the executable [build/release/cordlesion]")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made [the system's]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cordlesion-scale-", dir=arguments.folder) as folder:
        measured = measure(arguments.program, arguments.cases, Path(folder))
    print(f"{arguments.cases} cases on {os.cpu_count()} cores\n")
    print(f"{'step':10}{'wall s':>10}{'CPU s':>10}{'ms/case':>10}")
    for name, step in measured["steps"].items():
        cases = 1 if name == "start-up" else arguments.cases
        print(f"{name:10}{step.wall_s:10.2f}{step.cpu_s:10.2f}{1000 * step.wall_s / cases:10.2f}")
    print(f"\noutside the networks  {measured['outside_networks_ms']:.2f} ms per case of predict")
    print("resident memory       " + ", ".join(f"{mb:.1f} MB at {part:.0%}" for mb, part in zip(measured["memory_mb"], PARTS)))


if __name__ == "__main__":
    main()
