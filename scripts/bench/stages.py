"""What each stage of a case takes, and its share; and what a run takes outside the networks."""

from functools import partial
from pathlib import Path
from statistics import median

from end_to_end import agreement, agreement_cells, found_by_program
from machine import precisions
from measure import in_turn, network_seconds
from setting import STAGES, Setting, predict, run_times, stage_times
from tables import markdown


def output_of(setting: Setting, precision: str) -> Path:
    return setting.folder / f"stages_{precision}"


def times_of(setting: Setting, cases: Path, precision: str) -> dict:
    """Milliseconds per case: of each stage of every case, and of the whole run, from its first case on."""
    out = output_of(setting, precision)
    predict(setting, cases, "--precision", precision, out=out)
    count, times = setting.cases, run_times(out)
    whole = times["total"] - times["load_models"] - times["find_cases"]
    return {"cases": stage_times(out), "whole": whole / count, "outside": (whole - 1000 * network_seconds(out)) / count}


def measure(setting: Setting) -> dict:
    cases = setting.usual_cases()
    runs = in_turn({precision: partial(times_of, setting, cases, precision) for precision in precisions()}, setting.rounds)
    expected = found_by_program(output_of(setting, "fp32"), setting.manifest())
    measured = {}
    for precision, found in runs.items():
        measured[precision] = {
            **{stage: [times[stage] for run in found for times in run["cases"]] for stage in STAGES},
            "whole run": [run["whole"] for run in found],
            "outside the networks": [run["outside"] for run in found],
            "agreement": agreement(found_by_program(output_of(setting, precision), setting.manifest()), expected),
        }
    return measured


def report(measured: dict) -> str:
    rows = []
    for stage in (*STAGES, "whole run", "outside the networks"):
        row = [f"`{stage}`" if stage in STAGES else stage]
        for times in measured.values():
            row += [median(times[stage]), f"{median(times[stage]) / median(times['whole run']):.1%}"]
        rows.append(row)
    header = ["stage"] + [column for precision in measured for column in (f"{precision}, ms per case", "share")]
    note = ("`load` is the time the case waited: the next case is read while one is computed, and the one before is written. `segment` and `classify` hold the networks; "
            "the whole run is all but loading the models and finding the cases, divided by the cases; shares are of that.")
    return markdown("Stages of a case", header, rows, " ".join([note, *map(agreement_text, measured.items())]))


def agreement_text(measured) -> str:
    precision, found = measured[0], measured[1]["agreement"]
    labels, overlap, difference = agreement_cells(found)
    return f"{precision} against fp32: {labels} labels equal, smallest Dice {overlap}, largest difference of a probability {difference}."
