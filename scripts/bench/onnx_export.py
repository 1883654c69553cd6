"""The networks of a package as ONNX files, for the rivals that read no TorchScript."""

import warnings
from pathlib import Path

import torch

from package_networks import eager_network

OPSET = 16
BATCH = {0: "batch"}


def export_onnx(models: Path, manifest: dict, folder: Path) -> Path:
    """Writes segmenter.onnx and one file per node, fp32, any batch size."""
    folder.mkdir(parents=True, exist_ok=True)
    size = manifest["input_size"]
    channels = {"segmenter": 1, **{node: len(entry["channels"]) for node, entry in manifest["classifiers"].items()}}
    for name, count in channels.items():
        export_network(models / f"{name}.pt", name, torch.rand(1, count, size, size), folder / f"{name}.onnx")
    return folder


def export_network(script_path: Path, name: str, example: torch.Tensor, path: Path) -> None:
    """From the PyTorch modules where the architecture is known: from TorchScript, the padding of pools becomes nodes that OpenVINO refuses."""
    network = torch.jit.load(str(script_path), map_location="cpu").float().eval()
    try:
        network = eager_network(network, name)
    except RuntimeError:
        pass  # another architecture
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, example, str(path), opset_version=OPSET, input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": BATCH, "output": BATCH})  # fmt: skip
