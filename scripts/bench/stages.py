"""What each stage of a case takes, and its share."""

from functools import partial
from statistics import median

from machine import precisions
from measure import in_turn
from setting import NETWORKS, STAGES, Setting, case_ms, predict, stage_times
from tables import markdown


def times_of(setting: Setting, cases, precision: str) -> list:
    out = setting.folder / "stages_out"
    predict(setting, cases, "--precision", precision, out=out)
    return stage_times(out)


def measure(setting: Setting) -> dict:
    cases = setting.usual_cases("stages")
    runs = in_turn({precision: partial(times_of, setting, cases, precision) for precision in precisions()}, setting.rounds)
    measured = {}
    for precision, found in runs.items():
        cases_ms = [times for run in found for times in run]
        measured[precision] = {stage: [times[stage] for times in cases_ms] for stage in STAGES}
        outside = [case_ms(times) - sum(times.get(part, 0) for part in NETWORKS) for times in cases_ms]
        measured[precision]["outside networks"] = outside
    return measured


def report(measured: dict) -> str:
    medians = {precision: {stage: median(times) for stage, times in stages.items()} for precision, stages in measured.items()}
    rows = []
    for stage in (*STAGES, "outside networks"):
        row = [f"`{stage}`" if stage in STAGES else stage]
        for stages in medians.values():
            row += [stages[stage], f"{stages[stage] / case_ms(stages):.1%}"]
        rows.append(row)
    header = ["stage"] + [column for precision in medians for column in (f"{precision}, ms per case", "share")]
    note = "`load` is the time the case waited: the next case is read while one is computed. `segment` and `classify` hold the networks."
    return markdown("Stages of a case", header, rows, note)
