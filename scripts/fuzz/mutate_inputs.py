#!/usr/bin/python3
"""Feeds seeded mutations of its inputs to `cordlesion` and looks for deaths, hangs, leaks and wrong successes.

Kinds: NIfTI files, DICOM series, manifests of model packages, and tables (case lists, label tables, cohorts). Images go many to a run. What is
accepted is compared with other libraries; see README.md beside this file for what that covers. Exit code 1 if anything was found.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import image_batches
import manifest_mutants
import table_mutants
from harness import Program, Tally
from tiny_package import write_package
from volumes import LABEL_BOXES, box, write_volume

SHARES = {"nifti": 0.46, "dicom": 0.46, "manifest": 0.03, "table": 0.05}
"""Of the mutants; a manifest or table costs a run of its own."""
BATCH = 100


def make_folder(folder: Path, program: Program):
    """What the runs need: the tiny package, images that tables may name, predictions that labels may score."""
    write_package(folder / "package")
    for number, size in enumerate(LABEL_BOXES.values()):
        write_volume(folder / "in" / f"c{number}.nii", box(*size))
    tally = Tally()
    program.run("predict", "in", "-o", "predictions", "--models", "package", "-q", allowed={0}, tally=tally, mutant="no mutant")
    if tally.findings:
        raise SystemExit("\n".join(tally.findings))


def run_kind(kind, seed, numbers, program: Program):
    """All mutants of a kind, in batches."""
    tally = Tally()
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        if kind in image_batches.KINDS:
            image_batches.run_batch(kind, seed, batch, program, tally)
        else:
            {"manifest": manifest_mutants, "table": table_mutants}[kind].run_batch(seed, batch, program, tally)
    return tally


def fuzz(program_path, seed, numbers_of_kind, folder: Path):
    """The tally of each kind."""
    program = Program(program_path, folder)
    make_folder(folder, program)
    return {kind: run_kind(kind, seed, numbers, program) for kind, numbers in numbers_of_kind.items()}


def numbers_for(mutants, kinds):
    return {kind: range(max(1, round(mutants * SHARES[kind]))) for kind in kinds}


def show(tallies, seconds):
    for kind, tally in tallies.items():
        print(f"{kind}: {tally.mutants} mutants, {len(tally.findings)} findings")
        for code, count in tally.codes.most_common():
            print(f"  {count:6}  {code}")
    for tally in tallies.values():
        for finding in tally.findings:
            print(f"FOUND {finding}")
    mutants = sum(tally.mutants for tally in tallies.values())
    print(f"{mutants} mutants in {seconds:.0f} s, {sum(len(tally.findings) for tally in tallies.values())} findings")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("CORDLESION", "build/release/cordlesion"), help="the executable [$CORDLESION]")
    parser.add_argument("--mutants", type=int, default=5000, help="over all kinds [5000]")
    parser.add_argument("--seed", default="1", help="another seed, other mutants [1]")
    parser.add_argument("--kinds", default=",".join(SHARES), help="[%(default)s]")
    parser.add_argument("--only", metavar="KIND-NUMBER", help="one mutant again, as a finding names it; use with --keep")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in this new folder and keep it")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.only:
        kind, number = arguments.only.split("-")
        numbers = {kind: [int(number)]}
    else:
        numbers = numbers_for(arguments.mutants, arguments.kinds.split(","))
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="cordlesion-fuzz-"))
    folder.mkdir(exist_ok=True)
    begin = time.monotonic()
    try:
        tallies = fuzz(arguments.program, arguments.seed, numbers, folder)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    show(tallies, time.monotonic() - begin)
    sys.exit(1 if any(tally.findings for tally in tallies.values()) else 0)


if __name__ == "__main__":
    main()
