"""`evaluate` on made-up reports: the paper's counts, denominators, subgroups, files, and wrong input."""

import json
import shutil
from xml.etree import ElementTree

import pytest

from evaluation_runs import all_nodes, random_cohort
from report_folders import write_labels
from report_folders import NODES
from volumes import LABEL_BOXES, box, write_mask, write_volume

PLOTS = {"confusion_matrix.svg", *(f"roc_{node}.svg" for node in NODES)}



# --- the paper's table


PAPER = {
    "tumor_vs_demyelination": (150, 157, 76, 78, 74, 79),
    "astrocytoma_vs_ependymoma": (65, 79, 34, 45, 31, 34),
    "ms_vs_nmosd": (62, 78, 36, 45, 26, 33),
}


def papers_cohort(predicted):
    """Reports whose decisions have the counts of the paper's table."""
    rows = []
    wrong_first = {"astrocytoma": 2, "ependymoma": 3, "ms": 1, "nmosd": 1}
    right_second = {"astrocytoma": 31, "ependymoma": 34, "ms": 26, "nmosd": 36}
    for label, count in {"astrocytoma": 34, "ependymoma": 45, "ms": 33, "nmosd": 45}.items():
        for number in range(count):
            demyelination = (label in ("ms", "nmosd")) != (number < wrong_first[label])
            second = (label in ("ependymoma", "nmosd")) == (number < right_second[label])
            first_p, second_p = 0.9 if demyelination else 0.1, 0.8 if second else 0.2
            predicted(f"{label}-{number}", probabilities=all_nodes(first_p, second_p, second_p))
            rows.append((f"{label}-{number}", label))
    return rows


def test_the_papers_counts_give_the_papers_percentages(evaluate, predicted):
    output = evaluate(papers_cohort(predicted))
    for node, (right, cases, found, positives, rejected, negatives) in PAPER.items():
        point = output.node(node)["operating_points"]["package"]
        assert (point["accuracy"]["numerator"], point["accuracy"]["denominator"]) == (right, cases)
        assert (point["sensitivity"]["numerator"], point["sensitivity"]["denominator"]) == (found, positives)
        assert (point["specificity"]["numerator"], point["specificity"]["denominator"]) == (rejected, negatives)
    for row in ("96% (150/157)", "97% (76/78)", "94% (74/79)", "82% (65/79)", "76% (34/45)", "91% (31/34)", "79% (62/78)", "80% (36/45)", "79% (26/33)"):
        assert row in output.markdown and row in output.result.out


# --- denominators


def test_every_labelled_case_is_counted_whatever_became_of_it(evaluate, predicted):
    predicted("right", probabilities=all_nodes(0.1, 0.9))
    predicted("routed-away", probabilities={"tumor_vs_demyelination": 0.9, "ms_vs_nmosd": 0.8})
    predicted("none", status="no_lesion")
    predicted("broken", status="failed", code="slice_gap")
    predicted("unsure", probabilities=all_nodes(0.52, 0.9, 0.9), abstain_margin=0.1)
    predicted("stranger", probabilities=all_nodes())
    predicted("fine", status="no_lesion")
    rows = [(name, "ependymoma") for name in ("right", "routed-away", "none", "broken", "unsure", "gone")] + [("fine", "healthy")]
    output = evaluate(rows)
    assert output.metrics["cases"]["by_status"] == {"failed": 1, "missing": 1, "no_lesion": 2, "ok": 3}
    assert output.metrics["cases"]["predictions_without_label"] == ["stranger"]
    second = output.node("astrocytoma_vs_ependymoma")
    assert (second["cases"], second["evaluated"]) == (6, 2)
    assert second["unevaluated"] == {"failed": 1, "missing": 1, "no_lesion": 1, "not_reached": 1}
    assert second["operating_points"]["package"]["accuracy"]["denominator"] == 2
    assert second["operating_points"]["package"]["accuracy_of_all"]["denominator"] == 6
    assert output.node("tumor_vs_demyelination")["abstained"] == 1
    end = output.metrics["end_to_end"]
    assert end["cases"]["ependymoma"] == {
        "astrocytoma": 0,
        "ependymoma": 1,
        "ms": 0,
        "nmosd": 1,
        "indeterminate": 1,
        "no_lesion": 1,
        "failed": 1,
        "missing": 1,
    }
    assert (end["accuracy_of_evaluated"]["numerator"], end["accuracy_of_evaluated"]["denominator"]) == (1, 2)
    assert (end["accuracy_of_all"]["numerator"], end["accuracy_of_all"]["denominator"]) == (1, 6)
    assert end["cases"]["healthy"]["no_lesion"] == 1
    for text in ("prediction_missing: labelled, but without prediction: 1 case (gone)", "prediction_unlabelled: predicted, but without label and left out: 1 case (stranger)"):
        assert text in output.result.err


def test_undefined_values_are_null_and_n_a(evaluate, predicted):
    predicted("only", probabilities=all_nodes(0.1, 0.1))
    output = evaluate([("only", "astrocytoma")])
    found = output.node("ms_vs_nmosd")
    assert found["auc"] == {"value": None, "delong_95": None, "bootstrap_95": None}
    assert found["operating_points"]["half"]["accuracy"] == {
        "value": None,
        "numerator": 0,
        "denominator": 0,
        "wilson_95": None,
        "bootstrap_95": None,
    }
    assert found["operating_points"]["youden"] is None and found["calibration"] is None
    cells = {(row["subset"], row["cut_off"], row["metric"]): row["value"] for row in output.table()}
    assert cells["ms_vs_nmosd", "n/a", "auc"] == "n/a"
    assert "nan" not in (output.folder / "metrics.tsv").read_text().lower()
    assert not (output.folder / "roc_ms_vs_nmosd.svg").exists()


def test_the_worst_cases_come_first(evaluate, predicted):
    predicted("a-right", probabilities=all_nodes(0.9, 0.5, 0.9))
    predicted("b-wrong-class", probabilities=all_nodes(0.9, 0.5, 0.3))
    predicted("c-wrong-branch", probabilities=all_nodes(0.2, 0.5, 0.9))
    predicted("d-wronger-branch", probabilities=all_nodes(0.05, 0.5, 0.9))
    predicted("e-broken", status="failed", code="slice_gap")
    predicted("f-none", status="no_lesion")
    predicted("g-healthy", probabilities=all_nodes())
    rows = [(name, "nmosd") for name in ("a-right", "b-wrong-class", "c-wrong-branch", "d-wronger-branch", "e-broken", "f-none")]
    output = evaluate([*rows, ("g-healthy", "healthy")])
    found = [(row["case_id"], row["problem"]) for row in output.table("worst_cases.tsv")]
    assert found == [
        ("e-broken", "failed"),
        ("f-none", "lesion_missed"),
        ("d-wronger-branch", "wrong_branch"),
        ("c-wrong-branch", "wrong_branch"),
        ("b-wrong-class", "wrong_class"),
        ("g-healthy", "false_lesion"),
    ]
    assert output.table("worst_cases.tsv")[0]["error_code"] == "slice_gap"
    assert float(output.table("worst_cases.tsv")[2]["severity"]) == pytest.approx(0.95)
    assert output.metrics["detection"]["healthy"]["with_lesion"]["numerator"] == 1


def test_subgroups_come_from_age_bands_and_columns_with_few_values(evaluate, predicted):
    rows = []
    for number, (age, sex) in enumerate([(12, "F"), (17.5, "M"), (18, "F"), (59, "M"), (60, "n/a"), ("", "F")] * 2):
        predicted(f"case-{number}", probabilities=all_nodes(0.9 if number % 2 else 0.1, 0.9, 0.9))
        rows.append((f"case-{number}", "nmosd" if number % 2 else "ependymoma", age, sex, number))
    output = evaluate(rows, columns=("case_id", "label", "age", "sex", "number"))
    groups = {(group["column"], group["value"]): group["cases"] for group in output.metrics["subgroups"]}
    assert groups == {
        ("age", "0-17"): 4,
        ("age", "18-39"): 2,
        ("age", "40-59"): 2,
        ("age", "60+"): 2,
        ("age", "n/a"): 2,
        ("sex", "F"): 6,
        ("sex", "M"): 4,
        ("sex", "n/a"): 2,
    }
    assert "column_not_grouped" in output.result.err and "'number'" in output.result.err
    first = next(group for group in output.metrics["subgroups"] if group["value"] == "0-17")
    assert "roc" not in first["nodes"]["tumor_vs_demyelination"], "it would make the file long"
    assert first["nodes"]["tumor_vs_demyelination"]["operating_points"]["package"]["accuracy"]["numerator"] == 4
    assert output.metrics["cases"]["age_years"]["n"] == 10


def test_a_mixture_of_packages_is_named(evaluate, predicted):
    predicted("a", probabilities=all_nodes())
    predicted("b", probabilities=all_nodes(), model="another")
    output = evaluate([("a", "ms"), ("b", "ms")])
    assert output.metrics["cases"]["by_model"] == {"another 2": 1, "made-up 2": 1}
    assert "several_models" in output.result.err


def test_packages_of_one_name_are_told_apart_by_their_networks(evaluate, predicted):
    folder = predicted("a", probabilities=all_nodes())
    predicted("b", probabilities=all_nodes())
    predicted("c", status="failed")
    rows = [("a", "ms"), ("b", "ms"), ("c", "ms")]
    assert "several_models" not in evaluate(rows).result.err
    report = folder / "b" / "report.json"
    content = json.loads(report.read_text())
    content["digests"]["models"] = "1" * 64
    report.write_text(json.dumps(content))
    assert "several_models" in evaluate(rows, "--overwrite").result.err


@pytest.mark.parametrize("name", ["metrics.tsv", "worst_cases.tsv", "report.md", "roc_ms_vs_nmosd.svg", "dice_by_class.svg"])
def test_files_of_somebody_else_are_not_replaced_unasked(evaluate, predicted, tmp_path, name):
    predicted("a", probabilities=all_nodes())
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / name).write_text("mine")
    assert f"already holds {name}" in evaluate([("a", "ms")], out=tmp_path / "paper", code=2).err
    assert (tmp_path / "paper" / name).read_text() == "mine"


def test_the_label_table_is_never_replaced(run, predicted, tmp_path):
    folder = predicted("a", probabilities=all_nodes())
    table = write_labels(tmp_path / "metrics.tsv", [("a", "ms")])
    result = run("evaluate", "--predictions", folder, "--labels", table, "-o", tmp_path, "--overwrite")
    assert result.code == 2 and "would replace the label table" in result.err


def test_cells_without_a_value_are_no_subgroup_too_many(evaluate, predicted):
    rows = [(f"c{number}", "ms", f"site {number}") for number in range(10)] + [("none", "ms", "")]
    for case_id, *_ in rows:
        predicted(case_id, probabilities=all_nodes())
    output = evaluate(rows, columns=("case_id", "label", "site"))
    assert "column_not_grouped" not in output.result.err and len(output.metrics["subgroups"]) == 11


def test_cut_offs_that_differ_between_cases_are_each_applied(evaluate, predicted):
    predicted("low", probabilities=all_nodes(0.3), thresholds={"tumor_vs_demyelination": 0.2})
    predicted("high", probabilities=all_nodes(0.3), thresholds={"tumor_vs_demyelination": 0.4})
    output = evaluate([("low", "ms"), ("high", "astrocytoma")])
    point = output.node("tumor_vs_demyelination")["operating_points"]["package"]
    assert point["threshold"] is None and point["accuracy"]["numerator"] == 2
    assert "differs between cases" in output.markdown


def test_bars_in_values_do_not_break_the_tables_of_the_report(evaluate, predicted):
    predicted("a", probabilities=all_nodes())
    output = evaluate([("a", "ms", "x|y")], columns=("case_id", "label", "site"))
    assert "| site x\\|y | 1 |" in output.markdown


def test_marks_in_names_and_values_stay_text(evaluate, predicted):
    predicted("a", probabilities=all_nodes())
    output = evaluate([("a", "ms", "<b>*new*")], columns=("case_id", "label", "my_site_"))
    assert "| my\\_site\\_ \\<b\\>\\*new\\* | 1 |" in output.markdown
    assert "<b>" not in output.markdown
    assert "# Evaluation of 1 case\n" in output.markdown and "(1 case)" in output.markdown and "1 case evaluated" in output.result.err


# --- files, and what is refused


def test_the_files_of_an_evaluation(evaluate, predicted):
    rows, _ = random_cohort(predicted, per_class=(4, 4, 4, 4))
    output = evaluate(rows)
    names = {path.name for path in output.folder.iterdir()} - {".cordlesion.lock"}
    assert names == {"metrics.json", "metrics.tsv", "worst_cases.tsv", "report.md", *PLOTS}
    for plot in PLOTS:
        text = (output.folder / plot).read_text()
        assert ElementTree.fromstring(text).tag.endswith("svg") and "nan" not in text
        assert f"({plot})" in output.markdown
    assert "4 positive, 4 negative" in (output.folder / "roc_ms_vs_nmosd.svg").read_text()
    for heading in ("The three decisions", "End to end", "Segmentation", "Subgroups", "What went wrong", "Definitions", "CLAIM checklist"):
        assert heading in output.markdown
    assert "Unknown to the program" in output.markdown, "data partitions"
    assert "Research use only" in output.markdown


def test_an_earlier_evaluation_is_replaced_only_on_request(evaluate, predicted):
    rows, _ = random_cohort(predicted, per_class=(2, 2, 2, 2))
    evaluate(rows)
    refused = evaluate(rows, code=2)
    assert "--overwrite" in refused.err
    only_tumours = [row for row in rows if row[1] in ("astrocytoma", "ependymoma")]
    output = evaluate(only_tumours, "--overwrite")
    assert not (output.folder / "roc_ms_vs_nmosd.svg").exists(), "a plot of the earlier evaluation"


def test_the_predictions_are_not_written_into(evaluate, predicted):
    folder = predicted("a", probabilities=all_nodes())
    for out in (folder, folder / "a", folder / "new"):
        assert "folder of the predictions" in evaluate([("a", "ms")], out=out, code=2).err
    finished, interrupted = folder.parent / "finished", folder.parent / "interrupted"
    finished.mkdir()
    (finished / "run.json").write_text("{}")
    shutil.copytree(folder, interrupted)
    for out, name in ((finished, "run.json"), (interrupted, "a")):
        assert "holds results of predict" in evaluate([("a", "ms")], out=out, code=2).err
        assert [path.name for path in out.iterdir()] == [name]
    assert [path.name for path in folder.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("case_id\tlabel\na\tglioma\n", "labels.tsv:2: label 'glioma' is unknown"),
        ("case_id\tlabel\na\tms\na\tnmosd\n", "labels.tsv:3: case_id 'a' occurs twice"),
        ("case_id\tclass\na\tms\n", "column 'label' is missing from the first line; found 'case_id', 'class'"),
        ("case_id\tlabel\tAge\tage\na\tms\t1\t2\n", "column 'age' occurs twice"),
        ("label\nms\n", "column 'case_id' is missing"),
        ("case_id\tlabel\tage\tage\na\tms\t1\t2\n", "column 'age' occurs twice"),
        ("case_id\tlabel\tage\na\tms\told\n", "labels.tsv:2: age 'old' is not a number of years"),
        ("case_id\tlabel\na\tms\textra\n", "labels.tsv:2: 3 cells, 2 expected"),
        ("case_id\tlabel\n../a\tms\n", "labels.tsv:2: case_id '../a' is empty, too long or holds other characters"),
        ("case_id\tlabel\n", "holds no case"),
        ("", "is empty"),
    ],
)
def test_wrong_labels_exit_2_and_name_the_line(run, predicted, tmp_path, text, expected):
    folder = predicted("a", probabilities=all_nodes())
    (tmp_path / "labels.tsv").write_text(text)
    result = run("evaluate", "--predictions", folder, "--labels", tmp_path / "labels.tsv", "-o", tmp_path / "out")
    assert result.code == 2 and expected in result.err, result
    assert not (tmp_path / "out").exists()


def test_labels_of_spreadsheet_programs_are_read(run, predicted, tmp_path):
    folder = predicted("a", probabilities=all_nodes())
    (tmp_path / "labels.tsv").write_bytes(b"\xef\xbb\xbfcase_id\tlabel\r\na \tms\r\n\r\n")
    assert run("evaluate", "--predictions", folder, "--labels", tmp_path / "labels.tsv", "-o", tmp_path / "out").code == 0


def test_labels_of_statistics_programs_are_read(run, predicted, tmp_path):
    for name in "abcd":
        folder = predicted(name, probabilities=all_nodes())
    rows = [' "case_id"\t"Label"\t"Age"\t"Sex"\t""\t""', '"a"\t"MS"\tNA\t"F"\t1\t2', '"b"\t"NMOSD"\tNaN\tNA\t1\t2', '"c"\t"Healthy"\tnan\t"F"\t1\t2', '"d"\t"ms"\t40\t"F"\t1\t2']
    (tmp_path / "labels.tsv").write_text("\n".join(rows) + "\n")
    result = run("evaluate", "--predictions", folder, "--labels", tmp_path / "labels.tsv", "-o", tmp_path / "out")
    assert result.code == 0, result
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["cases"]["by_class"] == {"healthy": 1, "ms": 2, "nmosd": 1}
    groups = {(group["column"], group["value"]): group["cases"] for group in metrics["subgroups"]}
    assert groups == {("age", "40-59"): 1, ("age", "n/a"): 3, ("sex", "F"): 3, ("sex", "n/a"): 1}


def test_predictions_of_other_cases_exit_3(evaluate, predicted):
    predicted("a", probabilities=all_nodes())
    assert "no labelled case has a report: 1 labelled case, 1 prediction" in evaluate([("b", "ms")], code=3).err


@pytest.mark.parametrize("options", [["--masks", "nowhere"], ["--bootstrap", "0"], ["--seed", "-1"], ["--lesion-overlap", "2"], ["--surface-tolerance-mm", "nan"]], ids=" ".join)
def test_wrong_options_exit_2(evaluate, predicted, options):
    predicted("a", probabilities=all_nodes())
    assert options[0] in evaluate([("a", "ms")], *options, code=2).err


def test_a_missing_predictions_folder_exits_2(evaluate):
    assert "--predictions" in evaluate([("a", "ms")], code=2).err


def test_a_damaged_report_counts_as_missing_and_exits_8(evaluate, predicted, tmp_path):
    predicted("good", probabilities=all_nodes(0.9, 0.5, 0.2))
    folder = predicted("half", probabilities=all_nodes())
    report = folder / "half" / "report.json"
    report.write_text(report.read_text()[:200])
    shutil.copytree(folder / "good", folder / "renamed")
    output = evaluate([("good", "ms"), ("half", "ms"), ("renamed", "ms")], code=8)
    assert output.metrics["cases"]["by_status"] == {"missing": 2, "ok": 1}
    assert {row["case_id"]: row["error_code"] for row in output.table("worst_cases.tsv")} == {"half": "report_damaged", "renamed": "report_damaged"}
    assert "prediction missing or unreadable 2" in output.markdown and "With error `report_damaged`: 2." in output.markdown
    assert "prediction_missing" not in output.result.err, "there is a report, though it cannot be read"
    assert "report_damaged: half" in output.result.err and "is of case good" in output.result.err


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda report: report["classification"].update(label="lymphoma"), "label 'lymphoma' is unknown"),
        (lambda report: report["classification"].update(label=None), "status ok does not go with no label"),
        (lambda report: report.update(status="no_lesion"), "status no_lesion does not go with a label"),
        (lambda report: report.update(status="weird"), "status 'weird' is unknown"),
        (lambda report: report.update(schema_version=99), "schema_version 99, expected 1"),
    ],
    ids=["label", "no label", "label without lesion", "status", "schema_version"],
)
def test_a_report_that_is_not_understood_is_not_lost(evaluate, predicted, change, expected):
    predicted("good", probabilities=all_nodes(0.9, 0.5, 0.2))
    path = predicted("odd", probabilities=all_nodes(0.9, 0.5, 0.2)) / "odd" / "report.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))
    output = evaluate([("good", "ms"), ("odd", "ms")], code=8)
    assert "report_damaged: odd" in output.result.err and expected in output.result.err
    assert output.metrics["end_to_end"]["cases"]["ms"]["missing"] == 1
    assert sum(output.metrics["end_to_end"]["cases"]["ms"].values()) == 2


def test_many_names_make_one_warning(evaluate, predicted):
    for number in range(9):
        predicted(f"extra-{number}", probabilities=all_nodes())
    predicted("a", probabilities=all_nodes())
    output = evaluate([("a", "ms"), *((f"gone-{number}", "ms") for number in range(7))])
    assert output.result.err.count("prediction_unlabelled") == output.result.err.count("prediction_missing") == 1
    assert "9 cases (extra-0, extra-1, extra-2, extra-3, extra-4, ...)" in output.result.err
    assert "7 cases (gone-0, gone-1, gone-2, gone-3, gone-4, ...)" in output.result.err
    assert len(output.metrics["cases"]["predictions_without_label"]) == 9


def test_the_checklist_says_what_the_reports_say(evaluate, predicted):
    path = predicted("a", probabilities=all_nodes()) / "a" / "report.json"
    output = evaluate([("a", "ms")])
    assert "without identifiers from the images" in output.markdown
    assert "DenseNet" not in output.markdown, "the package may hold other networks"
    path.write_text(json.dumps({**json.loads(path.read_text()), "identifiers_included": True}))
    assert "1 report may identify patients" in evaluate([("a", "ms")], "--overwrite").markdown


def test_what_predict_writes_is_evaluated(predict, evaluate, tmp_path):
    images = []
    for label, size in LABEL_BOXES.items():
        images.append(write_volume(tmp_path / f"{label}.nii.gz", box(*size)))
        write_mask(tmp_path / "masks" / f"{label}.nii.gz", box(*size))
    predict(*images, "--all-nodes", out=tmp_path / "predictions")
    output = evaluate([(label, label) for label in LABEL_BOXES], "--masks", tmp_path / "masks")
    assert output.metrics["end_to_end"]["accuracy_of_all"]["value"] == 1
    for label in LABEL_BOXES:
        assert output.metrics["segmentation"][label]["dice"]["mean"] == 1
        assert output.metrics["segmentation"][label]["surface_dice"]["mean"] == 1
    assert "untrained" in output.markdown
