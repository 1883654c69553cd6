#!/usr/bin/env python3
"""How much of each decision exact facts about the lesions give away: longest and total length, count and eccentricity, and all signs there are.

Draws diseases as `make_cohort.py` does and lets gradient boosting decide from those facts as the generator knows them, 5-fold. What a network
reaches beyond the first four it must have seen in the images. The generator knows more than the signs, such as a
lesion's width. Needs scikit-learn (scripts/setup.sh --tests).
"""

import argparse

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from lesions import CLASSES, SIGNS, draw_disease, signs
from scanner import draw_protocol, visible_cord
from spine import draw_spine

DECISIONS = {
    "tumour or demyelination": (("astrocytoma", "ependymoma"), ("ms", "nmosd")),
    "astrocytoma or ependymoma": (("astrocytoma",), ("ependymoma",)),
    "MS or NMOSD": (("ms",), ("nmosd",)),
}

SIMPLE = ("segments", "all_segments", "lesions", "eccentricity")


def drawn_signs(label: str, count: int, seed: int) -> list:
    rows = []
    for number in range(count):
        case_seed = seed + 10_000 * CLASSES.index(label) + number
        spine = draw_spine(case_seed)
        window = visible_cord(spine, draw_protocol(case_seed, spine).grid)
        rows.append(signs(draw_disease(case_seed, label, spine, window), spine))
    return rows


def decided(known: dict, classes: tuple, names: tuple) -> str:
    """Accuracy and AUC of a decision between two groups of labels from the named signs, as cells of a table."""
    first, second = classes
    rows = np.array([[row[name] for name in names] for label in (*first, *second) for row in known[label]])
    truth = np.array([label in second for label in (*first, *second) for _ in known[label]])
    model = GradientBoostingClassifier(n_estimators=150, max_depth=3, subsample=0.7, random_state=0)
    probability = cross_val_predict(model, rows, truth, cv=5, method="predict_proba")[:, 1]
    return f"{((probability > 0.5) == truth).mean():.0%} | {roc_auc_score(truth, probability):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=400, help="per class (%(default)s)")
    parser.add_argument("--seed", type=int, default=8_000_000, help="(%(default)s)")
    options = parser.parse_args()
    known = {label: drawn_signs(label, options.cases, options.seed) for label in CLASSES if label != "healthy"}
    print("| decision | accuracy | AUC | accuracy, all signs | AUC, all signs |\n|---|---|---|---|---|")
    for name, classes in DECISIONS.items():
        print(f"| {name} | {decided(known, classes, SIMPLE)} | {decided(known, classes, SIGNS)} |")


if __name__ == "__main__":
    main()
