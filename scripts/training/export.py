#!/usr/bin/env python3
"""Writes a model package (models/README.md) from trained checkpoints, or an untrained one from a seed.

A checkpoint is `torch.save({"network": "segmenter" | "classifier", "state_dict": ..., "channels": [...]})`;
`channels` are the roles of the input channels in order (`["t2"]` for a segmenter). Optional are `threshold`,
a tensor of one number, and `threshold_source`, which says in words where it comes from.
"""

import argparse
import hashlib
import json
import os
import pickle
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple

import torch
from torch import Tensor, nn

from networks import NODES, DenseNetClassifier, MultiResUNet, with_shuffle_upsampling
from untrained import node_input, simulated_batch, untrained_classifier, untrained_segmenter

LICENCE = "Apache-2.0"
CHANNEL_ROLES = {"t2", "t2_in_mask", "mask", "zero"}
"""What the program can serve (models/README.md)."""
UNTRAINED_CHANNELS = ["zero", "t2_in_mask", "mask"]
GOLDEN_TOLERANCE = 1e-3
CONVERSION_TOLERANCE = 1e-4
"""Largest difference between the exported and the eager network, both in fp32 with the same weights."""
BF16_TOLERANCE = 0.02
"""Largest difference between bf16 and fp32 probabilities for `bf16_agrees`."""


class Trained(NamedTuple):
    """One network and what the manifest says about it."""

    network: nn.Module
    channels: List[str]
    threshold: float = 0.5
    threshold_source: str = "fixed at 0.5"


def read_checkpoint(path: Path, kind: str) -> Trained:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise SystemExit(f"{path.name} cannot be read as a checkpoint of tensors: {error}") from None
    found = checkpoint.get("network") if isinstance(checkpoint, dict) else None
    if found != kind:
        raise SystemExit(f"{path.name} holds a {found}; expected a {kind}")
    channels = list(checkpoint["channels"])
    unknown = sorted(set(channels) - CHANNEL_ROLES)
    if unknown or not channels or (kind == "segmenter" and channels != ["t2"]):
        raise SystemExit(f"{path.name} has channels {channels}; known are {sorted(CHANNEL_ROLES)}, a segmenter has ['t2']")
    network = MultiResUNet() if kind == "segmenter" else DenseNetClassifier(len(channels))
    try:
        network.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        raise SystemExit(f"{path.name} does not fit the {kind}: {error}") from None
    if "threshold" not in checkpoint:
        return Trained(network.eval(), channels)
    threshold = round(float(checkpoint["threshold"]), 6)
    return Trained(network.eval(), channels, threshold, checkpoint.get("threshold_source", "set in training"))


def untrained_networks(seed: int, size: int) -> Dict[str, Trained]:
    networks = {"segmenter": Trained(untrained_segmenter(seed, size), ["t2"])}
    for offset, node in enumerate(NODES, start=1):
        network = untrained_classifier(seed + offset, UNTRAINED_CHANNELS, size)
        networks[node] = Trained(network, UNTRAINED_CHANNELS)
    return networks


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_script(module: torch.jit.ScriptModule, path: Path) -> None:
    """Saves without the paths of the Python sources, which would differ from one machine to the next."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        full, bare = Path(scratch) / "full.pt", Path(scratch) / path.name
        torch.jit.save(module, str(full))
        with zipfile.ZipFile(full) as source, zipfile.ZipFile(bare, "w") as target:
            for entry in source.infolist():
                if not entry.filename.endswith(".debug_pkl"):
                    target.writestr(entry.filename, source.read(entry))
        torch.jit.save(torch.jit.load(str(bare)), str(path))


def check_close(what: str, found: Tensor, expected: Tensor, tolerance: float) -> None:
    error = (found - expected).abs().max().item()
    if not error <= tolerance:  # also catches NaN
        raise SystemExit(f"{what} differs from the network it was exported from by {error:.3g}; at most {tolerance:g} is allowed")


def export_network(name: str, network: nn.Module, example: Tensor, path: Path) -> torch.jit.ScriptModule:
    """Writes `network` with fp16 weights and returns it as read back, in fp32, as the program runs it."""
    rounded = network.half().float().eval()
    for key, value in rounded.state_dict().items():
        if not torch.isfinite(value).all():
            raise SystemExit(f"{name}: {key} is not finite in half precision (largest number 65504); train with weight decay")
    exported = with_shuffle_upsampling(rounded).half()
    save_script(torch.jit.script(exported), path)
    loaded = torch.jit.load(str(path)).float().eval()
    check_close(name, loaded(example), rounded(example), CONVERSION_TOLERANCE)
    if isinstance(network, DenseNetClassifier):
        for class_index in (0, 1):
            logits, maps = loaded.grad_cam(example, class_index)
            check_close(f"grad_cam of {name}", logits, rounded(example), CONVERSION_TOLERANCE)
            check_close(f"grad_cam of {name}", maps, rounded.grad_cam(example, class_index)[1], CONVERSION_TOLERANCE)
    return loaded


def bf16_agrees(loaded: torch.jit.ScriptModule, example: Tensor, is_classifier: bool) -> bool:
    """Probabilities within `BF16_TOLERANCE`, and the same classes decided."""
    with torch.autocast("cpu", torch.bfloat16):
        low = loaded(example).float()
    full = loaded(example)
    if not is_classifier:
        return bool((low - full).abs().max() <= BF16_TOLERANCE)
    close = (low.softmax(1) - full.softmax(1)).abs().max() <= BF16_TOLERANCE
    return bool(close) and bool((low.argmax(1) == full.argmax(1)).all())


def write_networks(networks: Dict[str, Trained], image: Tensor, mask: Tensor, folder: Path) -> bool:
    """Writes the four networks and golden.pt; true if bf16 agrees with fp32 in all of them."""
    golden = nn.Module()
    golden.register_buffer("input", image.clone())  # a slice would save its whole batch
    golden.register_buffer("mask", mask.clone())
    agrees = True
    for name, trained in networks.items():
        is_classifier = name in NODES
        example = node_input(trained.channels, image, mask) if is_classifier else image
        loaded = export_network(name, trained.network, example, folder / f"{name}.pt")
        golden.register_buffer(name, loaded(example))
        agrees = bf16_agrees(loaded, example, is_classifier) and agrees
    save_script(torch.jit.script(golden), folder / "golden.pt")
    return agrees


def manifest(networks: Dict[str, Trained], folder: Path, agrees: bool, options: argparse.Namespace) -> dict:
    def network_file(name: str) -> dict:
        return {"file": f"{name}.pt", "sha256": sha256(folder / f"{name}.pt")}

    return {
        "schema_version": 1,
        "name": options.name,
        "version": options.version,
        "licence": options.licence,
        "trained": not options.untrained,
        "trained_on": options.trained_on,
        "intended_use": options.intended_use,
        "input_size": options.input_size,
        "fit": options.fit,
        "normalisation": {"clip_sd": options.clip_sd},
        "aggregation": "mean",
        "min_lesion_mm3": options.min_lesion_mm3,
        "bf16_agrees": agrees,
        "segmenter": {**network_file("segmenter"), "threshold": networks["segmenter"].threshold},
        "classifiers": {
            node: {
                **network_file(node),
                "channels": networks[node].channels,
                "classes": list(classes),
                "threshold": networks[node].threshold,
                "threshold_source": networks[node].threshold_source,
            }
            for node, classes in NODES.items()
        },
        "golden": {**network_file("golden"), "tolerance": GOLDEN_TOLERANCE},
    }


def model_card(facts: dict, options: argparse.Namespace) -> str:
    if options.untrained:
        warning = f"**The weights are drawn from the seed {options.seed}: nothing was learned and the results mean nothing.**"
    else:
        warning = f"**Trained on: {facts['trained_on']}.**"
    nodes = "\n".join(
        f"- `{node}`: channels {', '.join(spec['channels'])}; {spec['classes'][1]} if its probability is at "
        f"least {spec['threshold']} ({spec['threshold_source']})"
        for node, spec in facts["classifiers"].items()
    )
    details = "\n" + options.card.read_text(encoding="utf-8") if options.card else ""
    return f"""{warning}

# Model package {facts['name']}, version {facts['version']}

- Licence: {facts['licence']}
- Trained on: {facts['trained_on']}
- Intended use: {facts['intended_use']}
- Must not be used for: diagnosis, treatment or any other decision about a patient.
- Input: sagittal T2, {facts['input_size']} x {facts['input_size']} pixels, {facts['fit']}
- bf16 agrees with fp32 on the golden input: {'yes' if facts['bf16_agrees'] else 'no'}

## Networks

- `segmenter`: 2D MultiResUNet; a pixel is lesion if its probability is at least {facts['segmenter']['threshold']}
{nodes}

The classifiers are DenseNet121. Method: Zhuo, Zhang et al., Radiology: Artificial Intelligence 2022;4(6):e210292,
doi 10.1148/ryai.210292. This package is not the authors'.
{details}"""


def write_package(networks: Dict[str, Trained], options: argparse.Namespace) -> None:
    """Writes everything into a temporary folder beside the package and renames it at the end."""
    target: Path = options.output
    target.parent.mkdir(parents=True, exist_ok=True)
    images, masks = simulated_batch(options.seed, options.input_size)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        folder = Path(scratch) / "package"
        folder.mkdir()
        agrees = write_networks(networks, images[:1], masks[:1], folder)
        facts = manifest(networks, folder, agrees, options)
        (folder / "manifest.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        (folder / "MODEL_CARD.md").write_text(model_card(facts, options), encoding="utf-8")
        if target.exists():
            target.rename(Path(scratch) / "replaced")
        folder.rename(target)


def parse_arguments(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the package folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing package")
    parser.add_argument("--seed", type=int, default=7, help="seed of untrained weights and of the golden input (7)")

    source = parser.add_argument_group("weights: either --untrained or all four checkpoints")
    source.add_argument("--untrained", action="store_true", help="weights drawn from the seed, to try and test the program")
    for name in ("segmenter", *NODES):
        source.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="CKPT", help=f"checkpoint of the {name}")

    facts = parser.add_argument_group("what the manifest says")
    facts.add_argument("--name", help="package name (the output folder's name)")
    facts.add_argument("--version", default="1", help="package version (1)")
    facts.add_argument("--licence", default=LICENCE, help=f"licence of the weights ({LICENCE})")
    facts.add_argument("--trained-on", help="the data, in words; required with checkpoints")
    facts.add_argument("--intended-use", default="Research on spinal cord MRI. Not a medical device.")
    facts.add_argument("--input-size", type=int, default=256, help="edge of the network image in pixels (256)")
    facts.add_argument("--fit", choices=("letterbox", "stretch"), default="letterbox", help="as in training (letterbox)")
    facts.add_argument("--clip-sd", type=float, default=5.0, help="normalisation as in training (5)")
    facts.add_argument("--min-lesion-mm3", type=float, default=0.0, help="smaller lesions are removed (0)")
    facts.add_argument("--card", type=Path, metavar="FILE", help="Markdown to append to the model card: recipe, figures")
    options = parser.parse_args(arguments)
    complete_options(parser, options)
    return options


def complete_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    missing = [name for name in ("segmenter", *NODES) if getattr(options, name) is None]
    if options.untrained:
        if len(missing) <= len(NODES):
            parser.error("--untrained takes no checkpoint")
        options.name = options.name or "untrained"
        options.trained_on = "nothing: weights drawn from a seed"
        options.intended_use = "Trying and testing the program. Its results mean nothing."
    elif missing:
        parser.error("missing checkpoints: " + ", ".join(f"--{name.replace('_', '-')}" for name in missing))
    elif not options.trained_on:
        parser.error("--trained-on must say what the networks were trained on")
    options.name = options.name or options.output.name
    if options.input_size < 32 or options.input_size % 16:
        parser.error(f"--input-size {options.input_size}: expected a multiple of 16, at least 32")
    if options.output.exists() and not options.overwrite:
        parser.error(f"{options.output} exists; give --overwrite to replace it")


def main(arguments: List[str]) -> int:
    options = parse_arguments(arguments)
    torch.set_num_threads(1)  # sums in one order, so that a seed gives the same files anywhere
    if options.untrained:
        networks = untrained_networks(options.seed, options.input_size)
    else:
        networks = {"segmenter": read_checkpoint(options.segmenter, "segmenter")}
        networks.update({node: read_checkpoint(getattr(options, node), "classifier") for node in NODES})
    with torch.no_grad():
        write_package(networks, options)
    print(options.output)
    return 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # TorchScript writes constants in the order of a Python set
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main(sys.argv[1:]))
