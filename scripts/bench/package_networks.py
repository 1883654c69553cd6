"""The networks of a package as PyTorch modules: from TorchScript back to the classes of scripts/training/networks.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from networks import DenseNetClassifier, MultiResUNet, with_shuffle_upsampling  # noqa: E402


def eager_network(script, name: str):
    """A module with the weights of `script` in fp32, upsampling by pixel shuffle as in the package.

    Raises RuntimeError if the package's network has another architecture.
    """
    state = script.state_dict()
    if name == "segmenter":
        network = with_shuffle_upsampling(MultiResUNet())
    else:
        first = state.get("features.conv0.weight")
        network = DenseNetClassifier(first.shape[1] if first is not None else 3)
    network.load_state_dict(state)
    return network.eval()
