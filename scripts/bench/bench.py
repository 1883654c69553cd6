#!/usr/bin/python3
"""Measures `cordlesion` against the other ways to run its method on this machine, and against what the machine can do.

Prints Markdown tables with ratios (ours / theirs: below 1 we are faster). Cases are simulated; outputs are compared wherever two sides are timed.
Run it on an idle machine. Rivals beside the PyTorch of this Python: scripts/bench/setup_rivals.sh. README.md in this folder says what is compared how.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("scripts/training", "scripts/phantom", "tests/cli")]

import machine  # noqa: E402
from argument_types import positive_count  # noqa: E402
from setting import Setting  # noqa: E402
from tiny_package import write_package  # noqa: E402

RIVALS = REPOSITORY / "build/rivals/bin/python"
PARTS = {
    "end-to-end": "end_to_end",
    "networks": "network_times",
    "stages": "stages",
    "memory": "memory",
    "growth": "growth",
    "threads": "thread_use",
    "limit": "limit",
}
QUICK_CASES = 3


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure, of {', '.join(PARTS)} [all]")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and networks, once each: shows that everything runs; its figures mean nothing")
    parser.add_argument("--cases", type=positive_count, default=20, metavar="N", help="cases of 12 slices [20]")
    parser.add_argument("--rounds", type=positive_count, default=3, metavar="N", help="repetitions of each measurement, in turn [3]")
    parser.add_argument("--threads", type=positive_count, default=len(os.sched_getaffinity(0)), metavar="N", help="of every side [all cores]")
    parser.add_argument("--program", type=Path, default=REPOSITORY / "build/release/cordlesion", help="the executable [build/release/cordlesion]")
    parser.add_argument("--models", type=Path, metavar="DIR", help="the model package [models/phantom-1; with --quick the tiny one of the tests]")
    parser.add_argument("--rivals", type=Path, metavar="PYTHON", help="Python with the rivals [build/rivals/bin/python if it is there]")
    parser.add_argument("--no-rivals", action="store_true", help="only what this Python has, even if build/rivals is there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every single figure")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; expected {', '.join(PARTS)}")
    if arguments.models is None and not arguments.quick:
        arguments.models = REPOSITORY / "models/phantom-1"
    for path in filter(None, (arguments.program, arguments.models, arguments.rivals)):
        if not path.exists():
            parser.error(f"{path} is not there; scripts/build.sh makes the program, scripts/bench/setup_rivals.sh the rivals' Python")
    if arguments.json and not arguments.json.resolve().parent.is_dir():
        parser.error(f"--json {arguments.json}: the folder is not there")
    if arguments.no_rivals:
        arguments.rivals = None
    elif arguments.rivals is None and RIVALS.exists():
        arguments.rivals = RIVALS
    return arguments


def setting_of(arguments, folder: Path, shared: Path) -> Setting:
    return Setting(
        program=arguments.program.resolve(),
        models=arguments.models.resolve() if arguments.models else write_package(folder / "tiny"),
        threads=arguments.threads,
        rounds=1 if arguments.quick else arguments.rounds,
        cases=QUICK_CASES if arguments.quick else arguments.cases,
        quick=arguments.quick,
        rivals=arguments.rivals,
        folder=folder,
        shared=shared,
    )


def measure_all(arguments, scratch: Path):
    described = machine.describe(arguments.program, arguments.rivals)
    print(machine.report(described, arguments.threads), flush=True)
    results = {"machine": described, "threads": arguments.threads, "quick": arguments.quick, "parts": {}}
    for part in arguments.parts or PARTS:
        print(f"measuring {part} ...", file=sys.stderr, flush=True)
        module = importlib.import_module(PARTS[part])
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            measured = module.measure(setting_of(arguments, Path(folder), scratch))
        print(module.report(measured), flush=True)
        results["parts"][part] = measured
        if arguments.json:  # after each part, so that nothing measured is lost
            arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="cordlesion-bench-") as scratch:
        measure_all(arguments, Path(scratch))


if __name__ == "__main__":
    main()
