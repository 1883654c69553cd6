#!/usr/bin/env python3
"""Writes a model package (models/README.md) from trained checkpoints, or an untrained one from a seed.

A checkpoint is `torch.save({"network": "segmenter" | "classifier", "state_dict": ..., "channels": [...]})`;
`channels` are the roles of the input channels in order (`["t2"]` for a segmenter). Optional are `threshold`,
a tensor of one number, and `threshold_source`, which says in words where it comes from (a segmenter's becomes 0.5 in
the package, by another last bias); `figures`, tensors of one number each, on validation patients; for a classifier `node`; and for a segmenter `min_lesion_mm3`, `example_images` and `example_masks`
[N,1,H,W]. That is what train_segmenter.py and train_classifiers.py write.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List

import torch
from torch import Tensor, nn

from checkpoint import Examples, Trained, read_checkpoint
from model_card import model_card
from networks import NODES, DenseNetClassifier, with_shared_types, with_shuffle_upsampling, within_half_precision
from run import interruptible
from untrained import node_input, simulated_batch, untrained_classifier, untrained_segmenter

LICENCE = "Apache-2.0"
DEFAULT_SIZE = 256
UNTRAINED_CHANNELS = ["zero", "t2_in_mask", "mask"]
GOLDEN_TOLERANCE = 1e-3
CONVERSION_TOLERANCE = 1e-4
"""Largest difference between the exported and the eager network, both in fp32 with the same weights."""
BF16_TOLERANCE = 0.02
"""Largest difference between the classifiers' bf16 and fp32 probabilities for `bf16_agrees`."""
BF16_DICE = 0.995
"""Smallest mean Dice of the segmenter's bf16 and fp32 masks for `bf16_agrees`."""


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
    rounded = within_half_precision(network).half().float().eval()
    for key, value in rounded.state_dict().items():
        if not torch.isfinite(value).all():
            raise SystemExit(f"{name}: {key} is not finite in half precision (largest number 65504); train with weight decay")
    exported = with_shared_types(with_shuffle_upsampling(rounded)).half()
    save_script(torch.jit.script(exported), path)
    loaded = torch.jit.load(str(path)).float().eval()
    check_close(name, loaded(example), rounded(example), CONVERSION_TOLERANCE)
    if isinstance(network, DenseNetClassifier):
        for class_index in (0, 1):
            logits, maps = loaded.grad_cam(example, class_index)
            check_close(f"grad_cam of {name}", logits, rounded(example), CONVERSION_TOLERANCE)
            check_close(f"grad_cam of {name}", maps, rounded.grad_cam(example, class_index)[1], CONVERSION_TOLERANCE)
    return loaded


def bf16_agrees(loaded: torch.jit.ScriptModule, examples: Tensor, trained: Trained, is_classifier: bool) -> bool:
    """Probabilities within `BF16_TOLERANCE`, or masks that overlap by `BF16_DICE`, over all examples.

    Classes are not compared: they are those of a patient's mean, not of a slice that lies near the cut-off.
    """
    full, low = [], []
    for example in examples.split(1):  # one by one, as memory is bounded and the program's batches differ anyway
        full.append(loaded(example))
        with torch.autocast("cpu", torch.bfloat16):
            low.append(loaded(example).float())
    full, low = torch.cat(full), torch.cat(low)
    if is_classifier:
        return bool((low.softmax(1) - full.softmax(1)).abs().max() <= BF16_TOLERANCE)
    marked = [(part >= trained.threshold).flatten(1).float() for part in (full, low)]
    sizes = marked[0].sum(1) + marked[1].sum(1)
    dice = torch.where(sizes > 0, 2 * (marked[0] * marked[1]).sum(1) / sizes, torch.ones_like(sizes))
    return bool(dice.mean() >= BF16_DICE)


def write_networks(networks: Dict[str, Trained], golden_input: Examples, examples: Examples, folder: Path) -> bool:
    """Writes the four networks and golden.pt; true if bf16 agrees with fp32 in all of them on the examples."""
    golden = nn.Module()
    golden.register_buffer("input", golden_input.images.clone())  # a slice would save its whole batch
    golden.register_buffer("mask", golden_input.masks.clone())
    agrees = True
    for name, trained in networks.items():
        is_classifier = name in NODES
        first, inputs = (
            node_input(trained.channels, *slices) if is_classifier else slices.images for slices in (golden_input, examples)
        )
        loaded = export_network(name, trained.network, first, folder / f"{name}.pt")
        golden.register_buffer(name, loaded(first))
        agrees = bf16_agrees(loaded, inputs, trained, is_classifier) and agrees
    save_script(torch.jit.script(golden), folder / "golden.pt")
    return agrees


def golden_and_examples(networks: Dict[str, Trained], options: argparse.Namespace) -> List[Examples]:
    """The golden input [1,1,H,W], which goes into the package, and the slices that bf16 is checked on."""
    examples = networks["segmenter"].examples
    if examples and options.golden_from_validation:
        golden_input = Examples(*(part[:1] for part in examples))
    else:
        golden_input = Examples(*(part[:1] for part in simulated_batch(options.seed, options.input_size)))
    return [golden_input, examples or golden_input]


def set_defaults_from(networks: Dict[str, Trained], options: argparse.Namespace) -> None:
    """What the options leave open is as in training."""
    segmenter = networks["segmenter"]
    trained_size = segmenter.examples.images.shape[-1] if segmenter.examples else None
    options.input_size = options.input_size or trained_size or DEFAULT_SIZE
    if trained_size not in (None, options.input_size):
        raise SystemExit(f"--input-size {options.input_size} differs from the {trained_size} pixels of training; leave it out")
    if options.golden_from_validation and not segmenter.examples:
        raise SystemExit("--golden-from-validation: the segmenter's checkpoint holds no validation slices; leave it out")
    if options.min_lesion_mm3 is None:
        options.min_lesion_mm3 = segmenter.min_lesion_mm3
    if options.threshold == "youden":
        for node in NODES:
            if "youden" not in networks[node].figures:
                raise SystemExit(f"--threshold youden: the checkpoint of {node} holds no cut-off of validation patients; leave it out")
            networks[node] = networks[node].with_youden_threshold()


def classifier_facts(trained: Trained, node: str) -> dict:
    """The manifest entries of a classifier beside its file."""
    facts = {
        "channels": trained.channels,
        "classes": list(NODES[node]),
        "threshold": trained.threshold,
        "threshold_source": trained.threshold_source,
    }
    if "temperature" in trained.figures:
        figures = {key: trained.figures[key] for key in ("temperature", "brier", "brier_before", "ece", "ece_before")}
        facts["thresholds"] = {"fixed": 0.5, "youden_validation": trained.figures["youden"]}
        facts["calibration"] = {"method": "temperature", **figures, "patients": round(trained.figures["patients"])}
    return facts


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
        "classifiers": {node: {**network_file(node), **classifier_facts(networks[node], node)} for node in NODES},
        "golden": {**network_file("golden"), "tolerance": GOLDEN_TOLERANCE},
    }


def write_package(networks: Dict[str, Trained], options: argparse.Namespace) -> None:
    """Writes everything into a temporary folder beside the package and renames it at the end."""
    target: Path = options.output
    target.parent.mkdir(parents=True, exist_ok=True)
    golden_input, examples = golden_and_examples(networks, options)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        folder = Path(scratch) / "package"
        folder.mkdir()
        agrees = write_networks(networks, golden_input, examples, folder)
        facts = manifest(networks, folder, agrees, options)
        (folder / "manifest.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        (folder / "MODEL_CARD.md").write_text(model_card(facts, networks, options), encoding="utf-8")
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
    facts.add_argument("--input-size", type=int, help="edge of the network image in pixels (as in training, else 256)")
    facts.add_argument("--fit", choices=("letterbox", "stretch"), default="letterbox", help="as in training (letterbox)")
    facts.add_argument("--clip-sd", type=float, default=5.0, help="normalisation as in training (5)")
    facts.add_argument("--min-lesion-mm3", type=float, help="smaller lesions are removed (as chosen in training, else 0)")
    facts.add_argument("--threshold", choices=("fixed", "youden"), default="fixed", help="of the classifiers: 0.5, or Youden's on validation (fixed)")
    facts.add_argument("--golden-from-validation", action="store_true", help="a validation slice as golden input, if it may be given away")
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
    if options.input_size is not None and (options.input_size < 32 or options.input_size % 16):
        parser.error(f"--input-size {options.input_size}: expected a multiple of 16, at least 32")
    if options.output.exists() and not options.overwrite:
        parser.error(f"{options.output} exists; give --overwrite to replace it")


def main(arguments: List[str]) -> int:
    options = parse_arguments(arguments)
    torch.set_num_threads(1)  # sums in one order, so that a seed gives the same files anywhere
    if options.untrained:
        networks = untrained_networks(options.seed, options.input_size or DEFAULT_SIZE)
    else:
        networks = {"segmenter": read_checkpoint(options.segmenter, "segmenter").with_threshold_of_one_half()}
        networks.update({node: read_checkpoint(getattr(options, node), node) for node in NODES})
    set_defaults_from(networks, options)
    with torch.no_grad():
        write_package(networks, options)
    print(options.output)
    return 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # TorchScript writes constants in the order of a Python set
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(interruptible(main, sys.argv[1:]))
