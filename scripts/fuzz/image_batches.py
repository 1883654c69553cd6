"""Many mutants of images as the cases of one run, and the judgement on each that was accepted."""

import re
import shutil
import warnings

import dicom_mutants
import nifti_mutants
from harness import Program, Tally, note_outcome, report_of
from oracle import grid_faults, prepared_faults

KINDS = {"nifti": nifti_mutants, "dicom": dicom_mutants}
EXIT_CODES = {0, 2, 8}
"""Of a run over images: all done, a line refused, some failed."""


def write_list(program: Program, name, paths):
    rows = "".join(f"{case}\t{path.relative_to(program.folder)}\n" for case, path in paths.items())
    (program.folder / name).write_text("case_id\timage\n" + rows)


def predict(program: Program, paths, tally: Tally):
    """Runs the mutants and returns those that were cases: a line that cannot be one case (nothing readable, two studies) is left out."""
    cases = dict(paths)
    while cases:
        write_list(program, "batch.tsv", cases)
        command = ("predict", "--cases", "batch.tsv", "-o", "batch/out", "--models", "package", "-q")
        result = program.run(*command, allowed=EXIT_CODES, tally=tally, mutant=f"{next(iter(paths))} and following")
        refused = re.search(r"batch\.tsv:(\d+): .*(holds|nothing)", result.err) if result.code == 2 else None
        if not refused:
            return cases
        del cases[list(cases)[int(refused[1]) - 2]]
        tally.codes["line refused"] += 1
    return cases


def run_batch(kind, seed, numbers, program: Program, tally: Tally):
    """Runs the mutants with these numbers."""
    source = KINDS[kind]
    folder = program.folder / "batch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    paths = {f"{kind}-{number}": source.write(folder, seed, number) for number in numbers}
    tally.mutants += len(paths)
    cases = predict(program, paths, tally)
    reports = {name: report_of(folder / "out", name, program.folder, tally) for name in cases}
    accepted = {name: report for name, report in reports.items() if report and note_outcome(name, report, tally)}
    if accepted:
        judge(source, seed, program, {name: paths[name] for name in accepted}, accepted, tally)


def judge(source, seed, program: Program, paths, reports, tally: Tally):
    """Compares every accepted mutant with the oracle: its grid, and the network inputs that `prepare` makes of it."""
    write_list(program, "accepted.tsv", paths)
    arguments = ("prepare", "--cohort", "accepted.tsv", "-o", "batch/prepared", "--models", "package", "-q")
    program.run(*arguments, allowed=EXIT_CODES, tally=tally, mutant="prepare of the accepted")
    for name, path in paths.items():
        faults = faults_of(source, path, name, reports[name], program)
        if faults and not faults_of(source, source.unmutated(path.parent, seed, name.split("-")[1]), name, reports[name], program):
            tally.codes["accepted, read as before the mutation against the oracle's reading"] += 1
            continue
        tally.findings += [f"{name}: wrong success: {fault}" for fault in faults]


def faults_of(source, path, name, report, program: Program):
    """What the program made of a case, against the oracle's reading of `path`."""
    batch = program.folder / "batch"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = source.oracle(path, report)
            return [*grid_faults(image, report, batch / "out", name), *prepared_faults(image, batch / "prepared", name)]
    except Exception as error:  # whatever the oracle's libraries raise
        return [f"the oracle refuses it: {type(error).__name__}: {error}"]
