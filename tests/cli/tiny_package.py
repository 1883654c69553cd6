"""A model package of networks so simple that their results can be worked out by hand.

Segmenter: lesion where the mean of 3 x 3 pixels is above 0.4, which keeps a bright box exactly and drops single bright pixels.
Classifiers, with A the pixels and L the rows of the mask in a slice:
tumor_vs_demyelination   logit (60 - A) / 20 for demyelination
astrocytoma_vs_ependymoma   logit (L - 12) / 4 for ependymoma
ms_vs_nmosd   logit (L - 8) / 2 for nmosd
"""

import hashlib
import json
from math import exp
from pathlib import Path
from typing import Tuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

SIZE = 64
CLASSES = {
    "tumor_vs_demyelination": ("tumor", "demyelination"),
    "astrocytoma_vs_ependymoma": ("astrocytoma", "ependymoma"),
    "ms_vs_nmosd": ("ms", "nmosd"),
}


class Segmenter(nn.Module):
    def __init__(self, idle_rounds: int):
        super().__init__()
        self.idle_rounds = idle_rounds

    def forward(self, x: Tensor) -> Tensor:
        idle = x
        for _ in range(self.idle_rounds):
            idle = avg_pool2d(idle, 3, 1, 1)
        return torch.sigmoid(100.0 * (avg_pool2d(x, 3, 1, 1) - 0.4) + 0.0 * idle)


class Classifier(nn.Module):
    def __init__(self, of_area: bool, middle: float, scale: float):
        super().__init__()
        self.of_area = of_area
        self.middle = middle
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        mask = x[:, 2]
        measure = mask.sum(dim=[1, 2]) if self.of_area else mask.amax(dim=2).sum(dim=1)
        second = (measure - self.middle) / self.scale
        return torch.stack([torch.zeros_like(second), second], dim=1)

    @torch.jit.export
    def grad_cam(self, x: Tensor, class_index: int) -> Tuple[Tensor, Tensor]:
        return self.forward(x), x[:, 2, ::4, ::4]


def expected_probabilities(rows, columns):
    """Second-class probability of each node for a lesion of one box."""

    def sigmoid(logit):
        return 1 / (1 + exp(-logit))

    return {
        "tumor_vs_demyelination": sigmoid((60 - rows * columns) / 20),
        "astrocytoma_vs_ependymoma": sigmoid((rows - 12) / 4),
        "ms_vs_nmosd": sigmoid((rows - 8) / 2),
    }


def write_manifest(folder: Path, **changes):
    """Writes the manifest with the true hashes of the files that are there."""

    def entry(name, **facts):
        return {"file": f"{name}.pt", "sha256": hashlib.sha256((folder / f"{name}.pt").read_bytes()).hexdigest(), **facts}

    manifest = {
        "schema_version": 1,
        "name": "tiny",
        "version": "1",
        "licence": "Apache-2.0",
        "trained": False,
        "trained_on": "nothing: rules written by hand",
        "intended_use": "tests",
        "input_size": SIZE,
        "fit": "letterbox",
        "normalisation": {"clip_sd": 5.0},
        "aggregation": "mean",
        "min_lesion_mm3": 0.0,
        "bf16_agrees": False,
        "segmenter": entry("segmenter", threshold=0.5),
        "classifiers": {
            node: entry(
                node,
                channels=["zero", "t2_in_mask", "mask"],
                classes=list(classes),
                threshold=0.5,
                threshold_source="fixed at 0.5",
            )
            for node, classes in CLASSES.items()
        },
        "golden": entry("golden", tolerance=1e-3),
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


class Echo(nn.Module):
    """Returns its input as the probability, which `--save-probability` then shows."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def write_package(folder: Path, idle_rounds=0, segmenter=None, size=SIZE):
    folder.mkdir(parents=True)
    networks = {
        "segmenter": segmenter or Segmenter(idle_rounds),
        "tumor_vs_demyelination": Classifier(True, 60.0, -20.0),
        "astrocytoma_vs_ependymoma": Classifier(False, 12.0, 4.0),
        "ms_vs_nmosd": Classifier(False, 8.0, 2.0),
    }
    image = torch.linspace(0, 1, size * size).reshape(1, 1, size, size)
    mask = (image > 0.9).float()
    golden = nn.Module()
    golden.register_buffer("input", image)
    golden.register_buffer("mask", mask)
    for name, network in networks.items():
        script = torch.jit.script(network.eval())
        torch.jit.save(script, str(folder / f"{name}.pt"))
        golden.register_buffer(name, script(image if name == "segmenter" else torch.cat([0 * image, image * mask, mask], dim=1)))
    torch.jit.save(torch.jit.script(golden), str(folder / "golden.pt"))
    write_manifest(folder, input_size=size)
    return folder
