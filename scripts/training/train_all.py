#!/usr/bin/env python3
"""Trains everything on a prepared cohort and writes the model package: segmenter, common start, three classifiers, export.

Each step has its folder in RUN. The same command with --resume goes on where it was cut off. To change one step's
options, run its script (train_segmenter.py, train_classifiers.py, export.py) by hand, then this one with --resume.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import List

from networks import NODES
from run import positive_number, say

SCRIPTS = Path(__file__).parent
SHARES = {"segmenter": 0.5, "windows": 0.2, "common": 0.12, **{node: 0.06 for node in NODES}}
"""Steps and their parts of the time budget. `windows` is the common start on windows around the lesions, `common` goes on with
whole slices."""
WINDOW = "160x96"


def training_command(step: str, options: argparse.Namespace) -> List[str]:
    run: Path = options.output
    script = "train_segmenter.py" if step == "segmenter" else "train_classifiers.py"
    command = [str(SCRIPTS / script), str(options.prepared), "-o", str(run / step), "--resume"]
    if options.steps:
        command += ["--steps", str(options.steps), "--epoch-steps", str(options.steps)]
    else:
        command += ["--minutes", f"{options.minutes * SHARES[step]:g}"]
    if step != "segmenter":
        node = step if step in NODES else "common"
        command += ["--node", node, "--segmenter", str(run / "segmenter" / "best.ckpt")]
    if step == "windows":
        command += ["--crop", WINDOW]
        if options.start:
            command += ["--start", str(options.start)]
    if step == "common":
        command += ["--start", str(run / "windows" / "best.ckpt")]
    if step in NODES:
        command += ["--start", str(run / "common" / "best.ckpt")]
    if options.device:
        command += ["--device", options.device]
    return command


def export_command(options: argparse.Namespace) -> List[str]:
    command = [str(SCRIPTS / "export.py"), "-o", str(options.output / "package"), "--overwrite"]
    for network in ("segmenter", *NODES):
        command += [f"--{network.replace('_', '-')}", str(options.output / network / "best.ckpt")]
    return [*command, "--name", options.name, "--trained-on", options.trained_on]


def run_step(name: str, command: List[str]) -> None:
    say(f"== {name}: {' '.join(command)}")
    result = subprocess.run([sys.executable, *command], check=False)
    if result.returncode != 0:
        raise SystemExit(f"{name} ended with exit code {result.returncode}; the same command with --resume goes on there")


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path, help="the folder that `cordlesion prepare` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder of the runs and of the package")
    parser.add_argument("--trained-on", required=True, help="the data, in words; stands in the package")
    parser.add_argument("--name", default="package", help="of the package (package)")
    parser.add_argument("--minutes", type=positive_number, default=1440, help="of training, all steps together (1440)")
    parser.add_argument("--steps", type=int, help="steps of each training instead of minutes, to try the chain")
    parser.add_argument("--start", type=Path, metavar="FILE", help="ImageNet weights for the classifiers (torchvision's densenet121)")
    parser.add_argument("--device", help="cpu or cuda[:N]")
    parser.add_argument("--resume", action="store_true", help="go on in RUN")
    options = parser.parse_args(arguments)
    if options.output.exists() and not options.resume:
        parser.error(f"{options.output} exists; give --resume to go on with it, or another folder")
    for step in SHARES:
        run_step(step, training_command(step, options))
    run_step("export", export_command(options))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
