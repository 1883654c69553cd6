"""The classifiers in training: nodes and their labels, one backbone with a head per node, weights to start from."""

import re
from pathlib import Path
from typing import Dict, List, Sequence

import torch
from torch import Tensor, nn

from run import read_start
from networks import NODES, DenseNetClassifier

IGNORED = -100
"""Target of a slice that a node does not apply to."""
NUMBERS = "numbers"
"""The output that is no node: numbers of the cohort table, learned beside the classes."""
CLASS_LABELS = {
    "tumor_vs_demyelination": (("astrocytoma", "ependymoma"), ("ms", "nmosd")),
    "astrocytoma_vs_ependymoma": (("astrocytoma",), ("ependymoma",)),
    "ms_vs_nmosd": (("ms",), ("nmosd",)),
}
"""Labels of a cohort that make up the two classes of each node."""


def target(node: str, label: str) -> int:
    for value, labels in enumerate(CLASS_LABELS[node]):
        if label in labels:
            return value
    return IGNORED


class SharedClassifier(nn.Module):
    """DenseNetClassifiers that share their features: [N,C,H,W] -> one [N,2] of logits per node, and NUMBERS [N,numbers] where some are learned."""

    def __init__(self, nodes: Sequence[str], channels: int, numbers: Sequence[str] = ()):
        super().__init__()
        whole = {node: DenseNetClassifier(channels) for node in nodes}
        self.features = whole[nodes[0]].features
        self.hidden = nn.ModuleDict({node: part.hidden for node, part in whole.items()})
        self.output = nn.ModuleDict({node: part.output for node, part in whole.items()})
        self.names_of_numbers = list(numbers)
        self.numbers = nn.Linear(whole[nodes[0]].hidden.in_features, len(numbers)) if numbers else None

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        pooled = torch.relu(self.features(x)).mean([2, 3])
        found = {node: self.output[node](torch.relu(hidden(pooled))) for node, hidden in self.hidden.items()}
        return {**found, NUMBERS: self.numbers(pooled)} if self.numbers else found

    def rescale(self, share: float, size: int) -> None:
        """To views of another size, whole slices of `size` pixels or windows, of whose area the views before had a `share`, which may
        exceed 1. What lies around a window is zero in channels limited to the mask, and adds the features of nothing to the mean over
        positions. The dense layers take them off again, or add them; what the network sees at the windows' borders changes,
        so it needs some training afterwards."""
        self.eval()
        with torch.no_grad():
            nothing = torch.zeros(1, self.features[0].in_channels, size, size)
            empty = torch.relu(self.features(nothing)).mean([0, 2, 3])
            for dense in [*self.hidden.values(), *([self.numbers] if self.numbers else [])]:
                dense.bias -= dense.weight @ empty * ((1 - share) / share)
                dense.weight /= share

    @staticmethod
    def has_heads(state: Dict[str, Tensor]) -> bool:
        return any(key.startswith("hidden.") for key in state)

    def state_of(self, node: str, temperature: float = 1.0) -> Dict[str, Tensor]:
        """The state_dict of this node's DenseNetClassifier, its logits divided by `temperature`."""
        state = {key: value.cpu() for key, value in self.state_dict().items() if key.startswith("features.")}
        for part in ("hidden", "output"):
            for key, value in getattr(self, part)[node].state_dict().items():
                state[f"{part}.{key}"] = value.cpu() / (temperature if part == "output" else 1.0)
        return state

    def start_from(self, path: Path) -> dict:
        """Features, and heads where the file has them: of this script's runs, of a classifier, of a package, or torchvision's densenet121;
        that of the numbers if they are the same. Returns what else the file says."""
        content = read_start(path)
        state = {modern_name(key): value for key, value in content["state_dict"].items()}
        if content.get(NUMBERS) != self.names_of_numbers:
            state = {key: value for key, value in state.items() if not key.startswith(f"{NUMBERS}.")}
        mine = self.state_dict()
        wanted = {key: state.get(key, state.get(re.sub(r"^(hidden|output)\.\w+\.", r"\1.", key))) for key in mine}
        missing = [key for key, value in wanted.items() if value is None and key.startswith("features.")]
        if missing:
            raise SystemExit(f"{path} is no DenseNet121: it lacks {missing[0]} and {len(missing) - 1} more weights")
        for key, value in wanted.items():
            if value is not None and value.shape != mine[key].shape:
                raise SystemExit(f"{path}: {key} is {tuple(value.shape)}; expected {tuple(mine[key].shape)} (see --channels)")
        self.load_state_dict({key: value for key, value in wanted.items() if value is not None}, strict=False)
        return content


def modern_name(key: str) -> str:
    """torchvision's files of old name the parts of a dense layer norm.1, conv.2; its modules norm1, conv2."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d\.)", r"\1\2", key)


def read_nodes(name: str) -> List[str]:
    return list(NODES) if name == "common" else [name]
