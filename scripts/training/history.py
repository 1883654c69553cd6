"""RUN/history.tsv and RUN/curves.svg: what every validation of a run found."""

import csv
import io
import os
from pathlib import Path
from typing import Dict, List

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

PANELS = {
    "training loss": ("loss",),
    "Dice": ("dice", "dice_astrocytoma", "dice_ependymoma", "dice_ms", "dice_nmosd"),
    "share of cases": ("found", "healthy_with_lesion", "accuracy", "auc"),
    "log loss of patients": ("log_loss",),
}
"""Title of a panel and the figures in it; `common` has the figures of its nodes, named <node>_<figure>."""


def write_history(history: List[Dict[str, float]], run: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[-1]), delimiter="\t", lineterminator="\n", restval="")
    writer.writeheader()
    for row in history:
        writer.writerow({key: f"{row[key]:.6g}" for key in writer.fieldnames if key in row})
    part = run / "history.tsv.part"
    part.write_text(text.getvalue(), encoding="utf-8")
    os.replace(part, run / "history.tsv")
    draw_curves(history, run / "curves.svg")


def draw_curves(history: List[Dict[str, float]], path: Path) -> None:
    def belongs(key: str, name: str) -> bool:
        return key == name or key.endswith(("demyelination_" + name, "ependymoma_" + name, "nmosd_" + name))

    panels = {title: [key for key in history[-1] if any(belongs(key, name) for name in names)] for title, names in PANELS.items()}
    panels = {title: keys for title, keys in panels.items() if keys}
    figure, axes = pyplot.subplots(len(panels), 1, sharex=True, squeeze=False, figsize=(8, 2.4 * len(panels)), constrained_layout=True)
    for axis, (title, keys) in zip(axes[:, 0], panels.items()):
        for key in keys:
            shown = [row for row in history if key in row]
            axis.plot([row["minutes"] for row in shown], [row[key] for row in shown], marker=".", label=key)
        axis.set_title(title, fontsize="medium")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    axes[-1, 0].set_xlabel("minutes")
    part = path.with_name(path.name + ".part")
    figure.savefig(part, format="svg")
    pyplot.close(figure)
    os.replace(part, path)
