#!/usr/bin/env python3
"""How much of each decision four exact facts about the lesions give away: longest and total length, count and eccentricity.

Draws diseases as `make_cohort.py` does and lets gradient boosting decide from those facts as the generator knows them, 5-fold. What a network
reaches beyond these figures it must have seen in the images. Needs scikit-learn (scripts/setup.sh --tests).
"""

import argparse

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from lesions import CLASSES, Disease, draw_disease
from scanner import draw_protocol, visible_cord
from spine import Spine, draw_spine

DECISIONS = {
    "tumour or demyelination": (("astrocytoma", "ependymoma"), ("ms", "nmosd")),
    "astrocytoma or ependymoma": (("astrocytoma",), ("ependymoma",)),
    "MS or NMOSD": (("ms",), ("nmosd",)),
}


def facts(disease: Disease, spine: Spine) -> list:
    """Segments spanned by the longest lesion and by all, number of lesions, distance of the longest from the cord's axis."""
    longest = max(disease.lesions, key=lambda lesion: lesion.half_length)
    segments = [2 * lesion.half_length / spine.at("height", lesion.s) for lesion in disease.lesions]
    return [max(segments), sum(segments), len(disease.lesions), float(np.hypot(*longest.offset))]


def drawn_facts(label: str, count: int, seed: int) -> list:
    rows = []
    for number in range(count):
        case_seed = seed + 10_000 * CLASSES.index(label) + number
        spine = draw_spine(case_seed)
        window = visible_cord(spine, draw_protocol(case_seed, spine).grid)
        rows.append(facts(draw_disease(case_seed, label, spine, window), spine))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=400, help="per class (%(default)s)")
    parser.add_argument("--seed", type=int, default=8_000_000, help="(%(default)s)")
    options = parser.parse_args()
    known = {label: drawn_facts(label, options.cases, options.seed) for label in CLASSES if label != "healthy"}
    print("| decision | accuracy | AUC |\n|---|---|---|")
    for name, (first, second) in DECISIONS.items():
        rows = np.array([row for label in (*first, *second) for row in known[label]])
        truth = np.array([label in second for label in (*first, *second) for _ in known[label]])
        model = GradientBoostingClassifier(n_estimators=150, max_depth=3, subsample=0.7, random_state=0)
        probability = cross_val_predict(model, rows, truth, cv=5, method="predict_proba")[:, 1]
        print(f"| {name} | {((probability > 0.5) == truth).mean():.0%} | {roc_auc_score(truth, probability):.2f} |")


if __name__ == "__main__":
    main()
