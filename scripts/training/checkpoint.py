"""Reading the checkpoints that training writes: networks and what a manifest says about them."""

import copy
import math
import pickle
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import torch
from torch import Tensor, nn

from networks import NODES, DenseNetClassifier, MultiResUNet

CHANNEL_ROLES = {"t2", "t2_near_mask", "t2_in_mask", "mask", "zero"}
"""What the program can serve (models/README.md)."""


class Examples(NamedTuple):
    """Validation slices [N,1,H,W] in [0,1] and their lesion masks; the first is the golden input if that is asked for."""

    images: Tensor
    masks: Tensor


class Trained(NamedTuple):
    """One network and what the manifest says about it. `figures` are those of validation, by name."""

    network: nn.Module
    channels: List[str]
    threshold: float = 0.5
    threshold_source: str = "fixed at 0.5"
    min_lesion_mm3: float = 0.0
    figures: Dict[str, float] = {}
    examples: Optional[Examples] = None

    def with_threshold_of_one_half(self) -> "Trained":
        """A segmenter that marks the same pixels of the network's grid at 0.5, by another last bias. The program interpolates probabilities on the
        grid of the source before it compares them with the threshold. Only at 0.5 does the edge of a lesion stay where the network put it; at 0.9 one
        that is two pixels wide loses half of its width."""
        if self.threshold == 0.5:
            return self
        if not 0 < self.threshold < 1:
            raise SystemExit(f"the segmenter's threshold is {self.threshold}; expected more than 0 and less than 1")
        network = copy.deepcopy(self.network)
        with torch.no_grad():
            network.head.bias -= math.log(self.threshold / (1 - self.threshold))
        source = f"{self.threshold:g} in training, moved by the last bias; {self.threshold_source}"
        return self._replace(network=network, threshold=0.5, threshold_source=source)

    def with_youden_threshold(self) -> "Trained":
        """Obeys Youden's cut-off on the validation patients in place of 0.5."""
        patients = round(self.figures["patients"])
        source = f"Youden's index on {patients} validation patients"
        return self._replace(threshold=self.figures["youden"], threshold_source=source)


def read_checkpoint(path: Path, name: str) -> Trained:
    """`name` is segmenter or the classifier's node; leaves with a message if the file holds anything else."""
    kind = "classifier" if name in NODES else name
    content = read_content(path)
    found = content.get("network") if isinstance(content, dict) else None
    if found != kind:
        raise SystemExit(f"{path} holds a {found}; expected a {kind}")
    if content.get("node", name) != name:
        raise SystemExit(f"{path} holds the classifier of {content['node']}; expected that of {name}")
    if "window" in content:
        rows, columns = content["window"]
        raise SystemExit(f"{path} was trained on windows of {rows}x{columns} pixels and does not fit whole slices; go on from it with "
                         f"train_classifiers.py --node {name} --start {path} --hold-statistics without --crop")
    channels = list(content["channels"])
    unknown = sorted(set(channels) - CHANNEL_ROLES)
    if unknown or not channels or (kind == "segmenter" and channels != ["t2"]):
        raise SystemExit(f"{path} has channels {channels}; known are {sorted(CHANNEL_ROLES)}, a segmenter has ['t2']")
    network = MultiResUNet() if kind == "segmenter" else DenseNetClassifier(len(channels))
    try:
        network.load_state_dict(content["state_dict"])
    except RuntimeError as error:
        raise SystemExit(f"{path} does not fit the {kind}: {error}") from None
    return Trained(network.eval(), channels, **facts_of(content))


def read_content(path: Path) -> dict:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise SystemExit(f"{path} cannot be read as a checkpoint of tensors: {error}") from None


def facts_of(content: dict) -> dict:
    """The optional entries, as arguments of `Trained`."""
    facts = {"figures": {name: round(float(value), 6) for name, value in content.get("figures", {}).items()}}
    if "threshold" in content:
        facts["threshold"] = round(float(content["threshold"]), 6)
        facts["threshold_source"] = content.get("threshold_source", "set in training")
    if "min_lesion_mm3" in content:
        facts["min_lesion_mm3"] = round(float(content["min_lesion_mm3"]), 6)
    if "example_images" in content:
        facts["examples"] = Examples(content["example_images"].float(), content["example_masks"].float())
    return facts
