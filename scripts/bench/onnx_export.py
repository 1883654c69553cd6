"""The networks of a package as ONNX files, for the rivals that read no TorchScript."""

from pathlib import Path

import torch

BATCH = {0: "batch"}


def export_onnx(models: Path, manifest: dict, folder: Path) -> Path:
    """Writes segmenter.onnx and one file per node, fp32, any batch size."""
    folder.mkdir(parents=True, exist_ok=True)
    size = manifest["input_size"]
    shapes = {"segmenter": (1, 1, size, size)}
    shapes.update({node: (1, len(entry["channels"]), size, size) for node, entry in manifest["classifiers"].items()})
    for name, shape in shapes.items():
        network = torch.jit.load(str(models / f"{name}.pt"), map_location="cpu").float().eval()
        torch.onnx.export(network, torch.rand(shape), str(folder / f"{name}.onnx"), opset_version=16, input_names=["input"],
                          output_names=["output"], dynamic_axes={"input": BATCH, "output": BATCH})  # fmt: skip
    return folder
