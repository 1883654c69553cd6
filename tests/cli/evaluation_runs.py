"""What the tests of `evaluate` share: a checked way to run it, and made-up cohorts."""

import csv
import json

import jsonschema
import numpy as np
from scipy import special

from report_folders import NODES, write_labels, write_report


def reject_constant(text):
    raise AssertionError(f"{text} in metrics.json")


class Evaluated:
    """The output folder of an evaluation and the run that wrote it."""

    def __init__(self, folder, result):
        self.folder = folder
        self.result = result
        self.metrics = json.loads((folder / "metrics.json").read_text(), parse_constant=reject_constant)
        self.markdown = (folder / "report.md").read_text()

    def table(self, name="metrics.tsv"):
        with open(self.folder / name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def node(self, name):
        return self.metrics["nodes"][name]


def run_evaluate(run, folder, rows, *options, columns=("case_id", "label"), code=0, out=None):
    """Evaluates the reports in folder/predictions; returns Evaluated, or the Result if it fails."""
    out = out or folder / "evaluation"
    labels = write_labels(folder / "labels.tsv", rows, columns)
    result = run("evaluate", "--predictions", folder / "predictions", "--labels", labels, "-o", out, *options)
    assert result.code == code, result
    return Evaluated(out, result) if code in (0, 8) else result


def report_writer(folder, schema):
    """predicted(case_id, status=..., probabilities=...) writes a report; returns the predictions folder."""

    validator = jsonschema.Draft7Validator(schema)

    def write(case_id, **facts):
        write_report(folder / "predictions", validator, case_id, **facts)
        return folder / "predictions"

    return write


def all_nodes(p_demyelination=0.5, p_ependymoma=0.5, p_nmosd=0.5):
    return dict(zip(NODES, (p_demyelination, p_ependymoma, p_nmosd)))


def random_cohort(predicted, seed=5, per_class=(34, 45, 33, 45), decimals=2):
    """Overlapping classes; rounded probabilities, so that there are ties. Returns label rows and probabilities by case."""
    random = np.random.default_rng(seed)
    rows = []
    probabilities = {}
    for label, count in zip(("astrocytoma", "ependymoma", "ms", "nmosd"), per_class):
        for number in range(count):
            case_id = f"{label}-{number:03d}"
            means = (2.0 if label in ("ms", "nmosd") else -2.0, 1.0 if label == "ependymoma" else -1.0, 1.0 if label == "nmosd" else -1.0)
            values = special.expit(random.normal(means, 1.7)).round(decimals)
            probabilities[case_id] = dict(zip(NODES, map(float, values)))
            predicted(case_id, probabilities=probabilities[case_id], thresholds={"ms_vs_nmosd": 0.4})
            rows.append((case_id, label))
    return rows, probabilities
