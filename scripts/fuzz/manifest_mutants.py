"""Mutated manifests of model packages, and which of them may be accepted."""

import hashlib
import json
import random
import shutil
from pathlib import Path

from byte_mutations import mutated
from harness import Program, Tally
from tiny_package import CLASSES

EXIT_CODES = {0, 4}
ROLES = {"t2", "t2_in_mask", "t2_near_mask", "mask", "zero"}
VALUES = (None, True, False, 0, 1, -1, 2, 64, 1.5, 1e308, 2**63, "", "x", "../segmenter.pt", "segmenter.pt", "0" * 64, [], {}, ["t2"], ["zero"] * 17)
NESTED_DEEPLY = "[" * 100_000


def places(value, at=()):
    """The paths of everything in a JSON document."""
    if at:
        yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from places(inner, (*at, key))


def change_value(rng, document):
    *parents, last = rng.choice(list(places(document)))
    holder = document
    for key in parents:
        holder = holder[key]
    if rng.random() < 0.25:
        del holder[last]
    else:
        holder[last] = rng.choice(VALUES)


def mutant(seed, number, original: str) -> bytes:
    rng = random.Random(f"{seed} manifest {number}")
    if number == 0:
        return original.encode()
    if rng.random() < 0.02:
        return NESTED_DEEPLY.encode()
    if rng.random() < 0.4:
        return mutated(rng, original.encode())
    document = json.loads(original)
    change_value(rng, document)
    return json.dumps(document).encode()


def is_number(value, low, high=float("inf")):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def is_file(entry, folder: Path):
    path = folder / entry["file"]
    return path.parent == folder and hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"].lower()


def is_classifier(entry, node, folder):
    channels = entry["channels"]
    return (
        is_file(entry, folder)
        and entry["classes"] == list(CLASSES[node])
        and isinstance(channels, list)
        and 1 <= len(channels) <= 16
        and set(channels) <= ROLES
        and is_number(entry["threshold"], 0, 1)
        and isinstance(entry["threshold_source"], str)
    )


def may_be_accepted(content: bytes, folder: Path):
    """The oracle: Python's reading of what models/README.md says of a manifest."""
    try:
        manifest = json.loads(content.decode("utf-8"))
        return (
            type(manifest["schema_version"]) is int
            and manifest["schema_version"] == 1
            and all(isinstance(manifest[key], str) for key in ("name", "version", "licence", "trained_on", "intended_use"))
            and all(isinstance(manifest[key], bool) for key in ("trained", "bf16_agrees"))
            and type(manifest["input_size"]) is int
            and 16 <= manifest["input_size"] <= 4096
            and manifest["fit"] in ("letterbox", "stretch")
            and manifest["aggregation"] == "mean"
            and is_number(manifest["normalisation"]["clip_sd"], 5e-324)
            and is_number(manifest["min_lesion_mm3"], 0)
            and is_file(manifest["segmenter"], folder)
            and is_number(manifest["segmenter"]["threshold"], 0, 1)
            and all(is_classifier(manifest["classifiers"][node], node, folder) for node in CLASSES)
            and is_file(manifest["golden"], folder)
            and is_number(manifest["golden"]["tolerance"], 0)
        )
    except (KeyError, TypeError, ValueError, OSError, AttributeError, RecursionError):
        return False


def run_batch(seed, numbers, program: Program, tally: Tally):
    """Verifies a package with each of the manifests."""
    package, folder = program.folder / "package", program.folder / "mutated"
    original = (package / "manifest.json").read_text()
    for number in numbers:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in package.glob("*.pt"):
            (folder / path.name).symlink_to(path)
        content = mutant(seed, number, original)
        (folder / "manifest.json").write_bytes(content)
        tally.mutants += 1
        result = program.run("models", "mutated", allowed=EXIT_CODES, tally=tally, mutant=f"manifest-{number}")
        tally.codes["accepted" if result.code == 0 else f"exit {result.code}"] += 1
        if result.code == 0 and not may_be_accepted(content, folder):
            tally.find(f"manifest-{number}", "wrong success: the oracle refuses this manifest")
