"""The statistics of `evaluate` against scikit-learn, DeLong's and Wilson's own equations and another bootstrap."""

from functools import partial

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from conftest import SCHEMA, run_program
from evaluation_runs import random_cohort, report_writer, run_evaluate
from report_folders import NODES

CLASSES_OF = {
    "tumor_vs_demyelination": (("astrocytoma", "ependymoma"), ("ms", "nmosd")),
    "astrocytoma_vs_ependymoma": (("astrocytoma",), ("ependymoma",)),
    "ms_vs_nmosd": (("ms",), ("nmosd",)),
}
RESAMPLES = 4000


def truth_and_scores(node, rows, probabilities):
    negative, positive = CLASSES_OF[node]
    chosen = [(label in positive, probabilities[case_id][node]) for case_id, label in rows if label in negative + positive]
    return np.array([truth for truth, _ in chosen]), np.array([score for _, score in chosen])


def delong(truth, score):
    """AUC and its 95% interval from the covariance of all pairs (DeLong, DeLong and Clarke-Pearson 1988, equations 3 to 5)."""
    above = score[truth][:, None] - score[~truth][None, :]
    psi = np.where(above > 0, 1.0, np.where(above == 0, 0.5, 0.0))
    area = psi.mean()
    variance = psi.mean(axis=1).var(ddof=1) / psi.shape[0] + psi.mean(axis=0).var(ddof=1) / psi.shape[1]
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    return area, (max(0.0, area - half), min(1.0, area + half))


def wilson(count, total):
    """The roots of (p - count/total)^2 = z^2 p (1 - p) / total."""
    z2 = stats.norm.ppf(0.975) ** 2
    share = count / total
    return sorted(np.roots([1 + z2 / total, -2 * share - z2 / total, share**2]))


def bootstrap_intervals(truth, score, measures, resamples=RESAMPLES):
    """Percentile intervals of functions of (truth, score), resampled within the classes."""
    random = np.random.default_rng(99)
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    values = {name: [] for name in measures}
    for _ in range(resamples):
        index = np.concatenate([random.choice(positives, len(positives)), random.choice(negatives, len(negatives))])
        for name, measure in measures.items():
            values[name].append(measure(truth[index], score[index]))
    return {name: np.quantile(found, (0.025, 0.975)) for name, found in values.items()}


@pytest.fixture(scope="module")
def cohort(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    rows, probabilities = random_cohort(report_writer(folder, SCHEMA))
    return run_evaluate(partial(run_program, program), folder, rows, "--bootstrap", RESAMPLES), rows, probabilities


@pytest.mark.parametrize("node", NODES)
def test_point_values_agree_with_scikit_learn(cohort, node):
    output, rows, probabilities = cohort
    truth, score = truth_and_scores(node, rows, probabilities)
    found = output.node(node)
    assert found["auc"]["value"] == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-9)
    assert found["calibration"]["brier"] == pytest.approx(metrics.brier_score_loss(truth, score), abs=1e-9)
    thresholds = {"half": 0.5, "package": 0.4 if node == "ms_vs_nmosd" else 0.5, "youden": found["operating_points"]["youden"]["threshold"]}
    for name, threshold in thresholds.items():
        point = found["operating_points"][name]
        decided = score >= threshold
        assert point["threshold"] == threshold
        expected = {
            "accuracy": metrics.accuracy_score(truth, decided),
            "sensitivity": metrics.recall_score(truth, decided),
            "recall": metrics.recall_score(truth, decided),
            "specificity": metrics.recall_score(~truth, ~decided),
            "ppv": metrics.precision_score(truth, decided),
            "precision": metrics.precision_score(truth, decided),
            "npv": metrics.precision_score(~truth, ~decided),
            "f1": metrics.f1_score(truth, decided),
        }
        for metric, value in expected.items():
            assert point[metric]["value"] == pytest.approx(value, abs=1e-9), (name, metric)


@pytest.mark.parametrize("node", NODES)
def test_the_roc_curve_and_youdens_cut_off_agree_with_scikit_learn(cohort, node):
    output, rows, probabilities = cohort
    truth, score = truth_and_scores(node, rows, probabilities)
    false_rate, true_rate, thresholds = metrics.roc_curve(truth, score, drop_intermediate=False)
    curve = np.array(output.node(node)["roc"]["rows"])
    np.testing.assert_allclose(curve, np.stack([thresholds, true_rate, false_rate], axis=1)[1:], atol=1e-9)
    best = np.flatnonzero(np.isclose(true_rate - false_rate, (true_rate - false_rate).max()))[0]
    assert output.node(node)["operating_points"]["youden"]["threshold"] == thresholds[best]


@pytest.mark.parametrize("node", NODES)
def test_calibration_error_agrees_with_its_definition(cohort, node):
    output, rows, probabilities = cohort
    truth, score = truth_and_scores(node, rows, probabilities)
    bins = np.minimum((score * 10).astype(int), 9)
    expected = sum(abs(score[bins == b].mean() - truth[bins == b].mean()) * (bins == b).mean() for b in set(bins))
    assert output.node(node)["calibration"]["ece"] == pytest.approx(expected, abs=1e-9)
    assert [entry["cases"] for entry in output.node(node)["calibration"]["bins"]] == np.bincount(bins, minlength=10).tolist()


@pytest.mark.parametrize("node", NODES)
def test_delong_and_wilson_intervals_agree_with_their_definitions(cohort, node):
    output, rows, probabilities = cohort
    truth, score = truth_and_scores(node, rows, probabilities)
    area, interval = delong(truth, score)
    assert output.node(node)["auc"]["value"] == pytest.approx(area, abs=1e-9)
    assert output.node(node)["auc"]["delong_95"] == pytest.approx(interval, abs=1e-9)
    for metric, found in output.node(node)["operating_points"]["half"].items():
        if isinstance(found, dict) and found.get("wilson_95"):
            assert found["wilson_95"] == pytest.approx(wilson(found["numerator"], found["denominator"]), abs=1e-9), metric


@pytest.mark.parametrize("node", NODES)
def test_bootstrap_intervals_agree_within_monte_carlo_error(cohort, node):
    output, rows, probabilities = cohort
    expected = bootstrap_intervals(
        *truth_and_scores(node, rows, probabilities),
        {
            "auc": lambda t, s: (stats.rankdata(s)[t].sum() - t.sum() * (t.sum() + 1) / 2) / (t.sum() * (~t).sum()),
            "accuracy": lambda t, s: ((s >= 0.5) == t).mean(),
            "ppv": lambda t, s: t[s >= 0.5].mean(),
            "f1": lambda t, s: 2 * (t & (s >= 0.5)).sum() / (t.sum() + (s >= 0.5).sum()),
        },
    )
    found = output.node(node)
    assert found["auc"]["bootstrap_95"] == pytest.approx(expected["auc"], abs=0.01)
    for metric in ("accuracy", "ppv", "f1"):
        assert found["operating_points"]["half"][metric]["bootstrap_95"] == pytest.approx(expected[metric], abs=0.015), metric


def test_the_same_seed_gives_the_same_files(evaluate, predicted, tmp_path):
    rows, _ = random_cohort(predicted, per_class=(10, 10, 10, 10), decimals=6)
    first, again = (evaluate(rows, "--bootstrap", 50, out=tmp_path / name) for name in ("first", "again"))
    other = evaluate(rows, "--bootstrap", 50, "--seed", 2, out=tmp_path / "other")
    assert first.metrics == again.metrics and first.markdown == again.markdown
    assert first.node("ms_vs_nmosd")["auc"]["bootstrap_95"] != other.node("ms_vs_nmosd")["auc"]["bootstrap_95"]
