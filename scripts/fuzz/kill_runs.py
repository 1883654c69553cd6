#!/usr/bin/python3
"""Kills `cordlesion predict` at random moments, again and again, and checks that --resume always gives what an undisturbed run gives.

One small cohort (volumes, a DICOM study, a damaged file) and the tiny model package serve all kills. A round begins with an empty output folder;
its run is killed (SIGKILL, SIGTERM, SIGINT), resumed, killed again, and at last resumed to the end and compared: tables, masks, and reports except
their times. After each kill no process may be left and no file under a final name may be incomplete. Exit code 1 if anything differs.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np
from harness import strict_json
from dicom_series import write_series
from tiny_package import write_package
from volumes import LABEL_BOXES, box, write_volume

SIGNALS = (signal.SIGKILL,) * 6 + (signal.SIGTERM,) * 2 + (signal.SIGINT,) * 2
TABLES = ("results.tsv", "lesions.tsv", "failures.tsv")
CASE_FILES = ("lesion_mask.nii.gz", "lesion_probability.nii.gz")
KILLS_PER_ROUND = 3
IDLE_ROUNDS = 15
"""What makes the networks slow enough that kills also fall between and into cases."""


def write_cohort(folder: Path):
    for number, size in enumerate(list(LABEL_BOXES.values()) * 2):
        write_volume(folder / f"c{number}.nii.gz", box(*size))
    write_volume(folder / "healthy.nii.gz")
    (folder / "damaged.nii.gz").write_bytes((folder / "c0.nii.gz").read_bytes()[:300])
    write_series(folder / "study", "sag t2")
    return folder


class Series:
    """A cohort, what an undisturbed run makes of it, and the runs that are killed."""

    def __init__(self, program, folder: Path, seed):
        self.rng = random.Random(seed)
        self.folder = folder.resolve()
        self.findings = []
        write_cohort(self.folder / "cohort")
        package = write_package(self.folder / "package", idle_rounds=IDLE_ROUNDS)
        self.command = [str(Path(program).resolve()), "predict", "cohort", "--models", str(package), "--save-probability", "--threads", "1", "-q"]
        begin = time.monotonic()
        self.finish("undisturbed")
        self.seconds = time.monotonic() - begin

    def start(self, out):
        command = [*self.command, "-o", out, "--resume"]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def finish(self, out):
        code = self.start(out).wait(timeout=300)
        if code != 8:  # one case is damaged
            self.findings.append(f"{out}: exit code {code} of a run that nobody disturbed")

    def kill(self, out):
        """Starts a run, ends it at a random moment and looks at what it leaves."""
        process = self.start(out)
        number = self.rng.choice(SIGNALS)
        moment = self.rng.uniform(0, 1.05 * self.seconds)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moment)
        what = f"{out}, {number.name} after {moment:.3f} s"
        if process.poll() is None:
            os.killpg(process.pid, number) if self.rng.random() < 0.5 else process.send_signal(number)
        code = process.wait(timeout=60)
        expected = (8, -number) if number == signal.SIGKILL else (8, 130, -number)  # -number: before it watches for signals
        if code not in expected:
            self.findings.append(f"{what}: exit code {code}")
        if not group_ends(process.pid):
            self.findings.append(f"{what}: a process of the run is left")
        self.findings += [f"{what}: {fault}" for fault in incomplete_files(self.folder / out, self.folder / "undisturbed")]

    def round(self, number, kills):
        out = f"out{number}"
        for _ in range(kills):
            self.kill(out)
        self.finish(out)
        self.findings += [f"{out}: {fault}" for fault in differences(self.folder / out, self.folder / "undisturbed")]
        shutil.rmtree(self.folder / out)


def group_ends(group, seconds=10):
    """Whether no process of the group is left, after some time to end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.005)
    return False


def same_image(path, other):
    image, expected = nibabel.load(path), nibabel.load(other)
    return np.array_equal(image.affine, expected.affine) and np.array_equal(np.asarray(image.dataobj), np.asarray(expected.dataobj))


def comparable(path):
    report = strict_json(path.read_text())
    return {key: value for key, value in report.items() if key != "timing_ms"}


def faults_of_case(case: Path, expected: Path):
    """What of a case's files is not exactly what the undisturbed run wrote."""
    for name in CASE_FILES:
        try:
            if (case / name).exists() and not same_image(case / name, expected / name):
                yield f"{case.name}/{name} differs"
        except Exception as error:  # whatever nibabel raises for a damaged file
            yield f"{case.name}/{name}: {type(error).__name__}: {error}"
    report = case / "report.json"
    try:
        if report.exists() and comparable(report) != comparable(expected / "report.json"):
            yield f"{case.name}/report.json differs"
        if report.exists() and comparable(report)["status"] != "failed" and not all((case / name).exists() for name in CASE_FILES):
            yield f"{case.name} has a report, but not its images"
    except ValueError as error:
        yield f"{case.name}/report.json: {error}"


def incomplete_files(out: Path, expected: Path):
    """Files under a final name that are not complete."""
    if not out.is_dir():
        return
    for case in (path for path in out.iterdir() if path.is_dir()):
        yield from faults_of_case(case, expected / case.name)
    for name in TABLES:
        if (out / name).exists():
            lines = (out / name).read_text().split("\n")
            full = (expected / name).read_text().split("\n")
            if lines[0] != full[0] or lines[-1] != "" or not set(lines) <= set(full):
                yield f"{name} is incomplete"
    if (out / "run.json").exists():
        try:
            strict_json((out / "run.json").read_text())
        except ValueError as error:
            yield f"run.json: {error}"


def differences(out: Path, expected: Path):
    """How a resumed output folder differs from that of the undisturbed run."""
    found, wanted = ({str(path.relative_to(folder)) for path in folder.rglob("*")} for folder in (out, expected))
    if found != wanted:
        yield f"files {sorted(found ^ wanted)} are not in both"
    yield from incomplete_files(out, expected)
    for name in TABLES:
        if (out / name).read_bytes() != (expected / name).read_bytes():
            yield f"{name} differs"
    counts = [json.loads((folder / "run.json").read_text())["counts"] for folder in (out, expected)]
    if any(counts[0][key] != counts[1][key] for key in ("cases", "ok", "no_lesion", "failed")):
        yield f"counts {counts[0]}, expected {counts[1]}"


def kill_runs(program, kills, seed, folder: Path):
    """The findings of a series."""
    series = Series(program, folder, seed)
    for number, start in enumerate(range(0, kills, KILLS_PER_ROUND)):
        series.round(number, min(KILLS_PER_ROUND, kills - start))
    return series.findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("CORDLESION", "build/release/cordlesion"), help="the executable [$CORDLESION]")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", default="1", help="other moments and signals [1]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cordlesion-kills-") as folder:
        findings = kill_runs(arguments.program, arguments.kills, arguments.seed, Path(folder))
    for finding in findings:
        print(f"FOUND {finding}")
    print(f"{arguments.kills} kills, {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
