"""How the cost grows with slices, with the matrix and with cases."""

from pathlib import Path
from statistics import median

from made_cases import write_cases
from setting import Setting, case_ms, predict, stage_times
from tables import markdown

CASES_OF_A_SIZE = 3
"""The first does not count."""


def case_times(setting: Setting, folder: Path, slices: int, size: int) -> list:
    cases, out = write_cases(folder, CASES_OF_A_SIZE, slices, size), setting.folder / "growth_out"
    times = []
    for _ in range(setting.rounds):
        predict(setting, cases, out=out)
        times += [case_ms(stages) for stages in stage_times(out)]
    return times


def run_times(setting: Setting, folder: Path, count: int) -> list:
    cases, out = write_cases(folder, count, *setting.usual_size()), setting.folder / "growth_out"
    return [1000 * predict(setting, cases, out=out).wall_s for _ in range(setting.rounds)]


def measure(setting: Setting) -> dict:
    if setting.quick:
        slices, sizes, counts = (3, 6), (64, 128), (1, 2)
    else:
        slices, sizes, counts = (6, 12, 24, 48), (192, 256, 384, 512), (1, 5, 20)
    usual_slices, usual_size = setting.usual_size()
    folder = setting.folder / "growth"
    return {
        "slices": {str(n): case_times(setting, folder / f"slices{n}", n, usual_size) for n in slices},
        "matrix": {str(n): case_times(setting, folder / f"matrix{n}", usual_slices, n) for n in sizes},
        "cases": {str(n): run_times(setting, folder / f"cases{n}", n) for n in counts},
    }


def report(measured: dict) -> str:
    rows = []
    for what, unit in (("slices", "ms per slice"), ("matrix", None), ("cases", "ms per case")):
        for number, times in measured[what].items():
            taken = median(times)
            each = f"{taken / int(number):.3g} {unit}" if unit else None
            rows.append([what, number, taken, each])
    note = "Of slices and matrix the time of a case, without start-up; of cases the whole run with it. The networks see the same square whatever the matrix."
    return markdown("Growth", ["what grows", "to", "ms", "each"], rows, note)
