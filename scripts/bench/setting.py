"""What every part of the benchmark is given, and the runs of `cordlesion` that several parts share."""

import json
import shutil
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from made_cases import write_cases, write_spines
from measure import Step, run


class Setting(NamedTuple):
    """`rounds` is how often each measurement is repeated; `quick` replaces sizes by the smallest that still run everything."""

    program: Path
    models: Path
    threads: int
    rounds: int
    cases: int
    quick: bool
    rivals: Optional[Path]  # Python of the rivals' virtual environment
    folder: Path  # scratch
    shared: Path  # scratch of all parts

    def usual_size(self) -> Tuple[int, int]:
        """Slices of a case, and rows and columns of each."""
        return (3, 64) if self.quick else (12, 256)

    def usual_cases(self) -> Path:
        """The folder, made once, of `cases` volumes of the usual number of slices: simulated spines, or the simplest if it must be quick."""
        folder = self.shared / "cases"
        if folder.exists():
            return folder
        return write_cases(folder, self.cases, *self.usual_size()) if self.quick else write_spines(folder, self.cases, self.usual_size()[0])

    def manifest(self) -> dict:
        return json.loads((self.models / "manifest.json").read_text(encoding="utf-8"))


def predict(setting: Setting, inputs: Path, *options, out: Optional[Path] = None, threads: Optional[int] = None, marks=()) -> Step:
    """One run of `cordlesion predict` into a new output folder."""
    out = out or setting.folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [setting.program, "predict", inputs, "-o", out, "--models", setting.models, "--threads", threads or setting.threads]
    return run(*command, *options, marks=marks)


def reports(out: Path) -> List[dict]:
    """The reports of a run in the order of its cases."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*/report.json"))]


def run_times(out: Path) -> Dict[str, float]:
    """Milliseconds of a whole run: `total`, and `load_models` and `find_cases` of it."""
    return json.loads((out / "run.json").read_text(encoding="utf-8"))["timing_ms"]


STAGES = ("load", "prepare", "segment", "lesions", "classify", "write")


def case_ms(times: Dict[str, float]) -> float:
    return sum(times[stage] for stage in STAGES)


def stage_times(out: Path) -> List[Dict[str, float]]:
    """Milliseconds of each stage, per case; the first case, which finds caches cold, is left out if there are others."""
    times = [report["timing_ms"] for report in reports(out)]
    return times[1:] or times
