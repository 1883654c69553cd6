"""How the cost grows with slices, with the matrix and with cases."""

import sys
from pathlib import Path
from statistics import median

from end_to_end import agreement, agreement_cells, found_by_pipeline, found_by_program, run_pipeline
from made_cases import write_cases
from setting import Setting, case_ms, predict, stage_times
from tables import markdown

CASES_OF_A_SIZE = 3
"""The first does not count."""


def measure_size(setting: Setting, folder: Path, slices: int, size: int) -> dict:
    """Milliseconds of the cases, and how far the last of them is what the Python pipeline finds."""
    cases = write_cases(folder, CASES_OF_A_SIZE, slices, size)
    times = case_times(setting, cases)
    for path in sorted(cases.iterdir())[:-1]:
        path.unlink()
    ours, plain = setting.folder / "growth_fp32", setting.folder / "growth_python"
    predict(setting, cases, "--precision", "fp32", out=ours)
    run_pipeline(setting, sys.executable, cases, plain, [])
    return {"ms": times, **agreement(found_by_program(ours, setting.manifest()), found_by_pipeline(plain))}


def case_times(setting: Setting, cases: Path) -> list:
    out, times = setting.folder / "growth_out", []
    for _ in range(setting.rounds):
        predict(setting, cases, out=out)
        times += [case_ms(stages) for stages in stage_times(out)]
    return times


def whole_run(setting: Setting, folder: Path, count: int) -> dict:
    cases, out = write_cases(folder, count, *setting.usual_size()), setting.folder / "growth_out"
    return {"ms": [1000 * predict(setting, cases, out=out).wall_s for _ in range(setting.rounds)]}


def measure(setting: Setting) -> dict:
    if setting.quick:
        slices, sizes, counts = (3, 6), (64, 128), (1, 2)
    else:
        slices, sizes, counts = (6, 12, 24, 48), (192, 256, 384, 512), (1, 5, 20)
    usual_slices, usual_size = setting.usual_size()
    folder = setting.folder / "growth"
    return {
        "slices": {str(n): measure_size(setting, folder / f"slices{n}", n, usual_size) for n in slices},
        "matrix": {str(n): measure_size(setting, folder / f"matrix{n}", usual_slices, n) for n in sizes},
        "cases": {str(n): whole_run(setting, folder / f"cases{n}", n) for n in counts},
    }


def report(measured: dict) -> str:
    rows = []
    for what, unit in (("slices", "ms per slice"), ("matrix", None), ("cases", "ms per case")):
        for number, found in measured[what].items():
            taken = median(found["ms"])
            each = f"{taken / int(number):.3g} {unit}" if unit else None
            same = agreement_cells(found) if "cases" in found else [None] * 3
            rows.append([what, number, taken, each, *same])
    note = ("Of slices and matrix the time of a case, without start-up; of cases the whole run with it. The networks see the same square whatever the matrix. "
            "Labels, Dice and probabilities are those of a case in fp32 against the Python pipeline.")
    header = ["what grows", "to", "ms", "each", "labels equal", "Dice", "largest probability difference"]
    return markdown("Growth", header, rows, note)
