"""What each stage of a case takes, and its share."""

from functools import partial
from statistics import median

from machine import precisions
from made_cases import write_cases
from measure import in_turn
from setting import Setting, predict, stage_times
from tables import markdown

STAGES = ("load", "prepare", "segment", "lesions", "classify", "write")


def times_of(setting: Setting, cases, precision: str) -> list:
    out = setting.folder / "stages_out"
    predict(setting, cases, "--precision", precision, out=out)
    return stage_times(out)


def measure(setting: Setting) -> dict:
    cases = write_cases(setting.folder / "stages", setting.cases, *setting.usual_size())
    runs = in_turn({precision: partial(times_of, setting, cases, precision) for precision in precisions()}, setting.rounds)
    return {
        precision: {stage: [times[stage] for run in found for times in run] for stage in STAGES} for precision, found in runs.items()
    }


def report(measured: dict) -> str:
    medians = {precision: {stage: median(times) for stage, times in stages.items()} for precision, stages in measured.items()}
    rows = []
    for stage in STAGES:
        row = [f"`{stage}`"]
        for stages in medians.values():
            row += [stages[stage], f"{stages[stage] / sum(stages.values()):.1%}"]
        rows.append(row)
    header = ["stage"] + [column for precision in medians for column in (f"{precision}, ms per case", "share")]
    note = "`load` is the time the case waited: the next case is read while one is computed. `segment` and `classify` hold the networks."
    return markdown("Stages of a case", header, rows, note)
