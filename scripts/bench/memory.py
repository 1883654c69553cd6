"""Peak memory of a large case, and whether memory stays flat over many cases."""

import shutil
import sys
from pathlib import Path

from end_to_end import run_pipeline
from made_cases import write_cases
from setting import Setting, predict, reports
from tables import markdown

PARTS = (0.1, 0.5, 0.9)
"""Of the cases, after which the resident memory is noted."""
COPIES = 25
"""How often the cases are repeated: 500 of the usual 20."""


def repeated(cases: Path, folder: Path, copies: int) -> Path:
    folder.mkdir()
    for copy in range(copies):
        for path in cases.iterdir():
            shutil.copy(path, folder / f"copy{copy:03}_{path.name}")  # of links to one file the program takes one
    return folder


def measure(setting: Setting) -> dict:
    copies = 3 if setting.quick else COPIES
    slices, matrix = (4, 128) if setting.quick else (20, 512)
    cases = repeated(write_cases(setting.folder / "few", setting.cases, *setting.usual_size()), setting.folder / "many", copies)
    large = write_cases(setting.folder / "large", 1, slices, matrix)
    out = setting.folder / "memory_out"
    names = sorted(path.name[: -len(".nii.gz")] for path in cases.iterdir())
    marks = [out / names[int(part * len(names))] / "report.json" for part in PARTS]
    many = predict(setting, cases, out=out, marks=marks)
    if len(reports(out)) != len(names):
        sys.exit(f"{len(reports(out))} cases were computed, expected {len(names)}")
    return {
        "cases": len(names),
        "resident_mb": many.memory_mb,
        "peak_mb": many.peak_mb,
        "large_case": f"{slices} slices of {matrix} x {matrix}",
        "large_case_mb": predict(setting, large, out=out).peak_mb,
        "large_case_python_mb": run_pipeline(setting, sys.executable, large, setting.folder / "memory_python", []).peak_mb,
    }


def report(measured: dict) -> str:
    rows = [[f"resident after {part:.0%} of {measured['cases']} cases", mb, None, None] for part, mb in zip(PARTS, measured["resident_mb"])]
    ours, theirs = measured["large_case_mb"], measured["large_case_python_mb"]
    rows += [["peak over all cases", measured["peak_mb"], None, None], [f"peak of one case of {measured['large_case']}", ours, theirs, ours / theirs]]
    return markdown("Memory, MB", ["", "cordlesion", "Python, plain", "ours / theirs"], rows, "Of the main process; the reading process is small beside it.")
