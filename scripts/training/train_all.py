#!/usr/bin/env python3
"""Trains everything on a prepared cohort and writes the model package: segmenter, common start, three classifiers, export.

Each step has its folder in RUN. The same command with --resume goes on where it was cut off. To change one step's
options, run its script (train_segmenter.py, train_classifiers.py, export.py) by hand, then this one with --resume.
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

from argument_types import positive_count, positive_number
from classifying import SharedClassifier
from cohort import LESION_LABELS, read_cases, read_numbers
from networks import NODES
from run import INTERRUPTED, STOPPING, device_name, say
from train_classifiers import CHANNELS

SCRIPTS = Path(__file__).parent
SHARES = {"segmenter": 0.5, "windows": 0.2, "common": 0.12, **{node: 0.06 for node in NODES}}
"""Steps and their parts of the time budget. `windows` is the common start on windows around the lesions, `common` goes on with
whole slices; it and the nodes hold the statistics of the windows, as those of a small batch of whole slices would undo much of what was learned."""
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
    if step == "common" or step in NODES:
        before = "windows" if step == "common" else "common"
        command += ["--start", str(run / before / "best.ckpt"), "--hold-statistics"]
    if options.learn_also and step != "segmenter":
        command += ["--learn-also", *options.learn_also]
    if options.device:
        command += ["--device", options.device]
    return command


def export_command(options: argparse.Namespace) -> List[str]:
    command = [str(SCRIPTS / "export.py"), "-o", str(options.output / "package"), "--overwrite"]
    for network in ("segmenter", *NODES):
        command += [f"--{network.replace('_', '-')}", str(options.output / network / "best.ckpt")]
    return [*command, "--name", options.name, "--trained-on", options.trained_on]


def check_before_training(options: argparse.Namespace) -> None:
    """What later steps need, so that none of them fails when half of the budget is spent."""
    cases = read_cases(options.prepared)
    for split in ("train", "val"):
        missing = [label for label in LESION_LABELS if not any((case.split, case.label) == (split, label) for case in cases)]
        if missing:
            raise SystemExit(f"{options.prepared} has no case of {' or '.join(missing)} in the split {split}; train and val need all four diseases")
    read_numbers(options.prepared, cases, options.learn_also)
    if options.start:
        SharedClassifier(list(NODES), len(CHANNELS)).start_from(options.start)


class Steps:
    """Runs scripts one after the other. A signal to stop is passed on to the one that runs, which saves and ends by itself."""

    def __init__(self) -> None:
        self.running: Optional[subprocess.Popen] = None
        self.stopped = False
        for number in STOPPING:
            signal.signal(number, self.stop)

    def stop(self, *_) -> None:
        """SIGTERM in any case: where the script had the signal from the keyboard as well, it heeds only the first."""
        self.stopped = True
        if self.running:
            self.running.terminate()

    def run(self, name: str, command: List[str]) -> None:
        say(f"== {name}: {' '.join(command)}")
        self.running = subprocess.Popen([sys.executable, *command])
        if self.stopped:  # while it was being started
            self.running.terminate()
        code = self.running.wait()
        if self.stopped:
            say(f"interrupted in {name}; the same command with --resume goes on there")
            sys.exit(INTERRUPTED)
        if code != 0:
            raise SystemExit(f"{name} ended with exit code {code}; the same command with --resume goes on there")


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path, help="the folder that `cordlesion prepare` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder of the runs and of the package")
    parser.add_argument("--trained-on", required=True, help="the data, in words; stands in the package")
    parser.add_argument("--name", default="package", help="of the package (package)")
    parser.add_argument("--minutes", type=positive_number, default=1440, help="of training, all steps together (1440)")
    parser.add_argument("--steps", type=positive_count, help="steps of each training instead of minutes, to try the chain")
    parser.add_argument("--start", type=Path, metavar="FILE", help="ImageNet weights for the classifiers (torchvision's densenet121)")
    parser.add_argument("--learn-also", nargs="+", metavar="COLUMN", default=[],
                        help="columns of numbers that the classifiers learn beside the classes; after the folder of the cohort")
    parser.add_argument("--device", type=device_name, help="cpu or cuda[:N]")
    parser.add_argument("--resume", action="store_true", help="go on in RUN")
    options = parser.parse_args(arguments)
    if options.output.exists() and not options.resume:
        parser.error(f"{options.output} exists; give --resume to go on with it, or another folder")
    check_before_training(options)
    steps = Steps()
    for step in SHARES:
        steps.run(step, training_command(step, options))
    steps.run("export", export_command(options))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
