#!/usr/bin/env python3
"""Trains the classifier of one node, or a common start of all three (--node common), on a prepared cohort.

RUN/best.ckpt of a node is what export.py takes; that of `common` is for --start, in place of ImageNet weights. With
--segmenter the classifiers see predicted masks as well as true ones, and validation uses the predicted ones, as the
program will; only where nothing was found it uses the true one. The checkpoint with the best validation is kept: the
lowest log loss of patients, after temperature scaling. The published recipe is
--lr 1e-4 --batch 32 --patience 20 --rotation 90 --shift 50 --flips both --channels zero t2_in_mask mask, but for the
slices shown without variation at the end and the cut of long gradients.
"""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from augment import Variation, draw_unvaried, keep_unvaried, random_views, sample, vary_intensity
from checkpoint import CHANNEL_ROLES
from classifying import CLASS_LABELS, IGNORED, NUMBERS, SharedClassifier, read_nodes, target
from cohort import Slices, open_slices, read_numbers
from loop import Trainer, Validation
from metrics import auc, brier, expected_calibration_error, fit_temperature, log_loss, patient_probability, sensitivity_specificity, youden
from networks import NODES, hold_statistics
from predicted_masks import predicted_masks
from run import add_run_options, interruptible, locked, parse_run_options, start_run, window_size
from sampling import pick
from segmenting import slices_to
from untrained import node_input

CHANNELS = ["t2_near_mask", "t2_in_mask", "mask"]
LEARNING_RATE, LEARNING_RATE_FROM_NOTHING = 1e-4, 5e-4
INFERENCE_BATCH = 16


class Patients(NamedTuple):
    """Validation patients that a node applies to: true class, and the logit differences of their slices."""

    truth: np.ndarray
    margins: List[np.ndarray]


class ClassifierTask:
    """Batches, loss and validation of one node or of all."""

    def __init__(self, slices: Slices, predicted: Optional[np.ndarray], numbers: np.ndarray, options: argparse.Namespace, device: torch.device):
        self.slices, self.options, self.device = slices, options, device
        options.crop = options.crop and tuple(min(edge, slices.size) for edge in options.crop)
        self.nodes = read_nodes(options.node)
        self.network = SharedClassifier(self.nodes, len(options.channels), options.learn_also)
        if options.start:
            self.start_from(options.start)
        self.network.to(device=device, memory_format=torch.channels_last)
        self.forward = torch.compile(self.network, dynamic=False) if options.compile else self.network
        flips = (options.flips != "none", options.flips == "both")
        self.variation = Variation(options.rotation, options.shift, (1.0, 1.25), *flips)
        self.masks = [slices.masks] if predicted is None else [slices.masks, predicted]
        self.usable = [self.slices_with_mask(masks) for masks in self.masks]
        self.groups = self.training_groups()
        self.numbers = self.standard(numbers)
        self.check_validation()

    def start_from(self, path: Path) -> None:
        whole = (self.slices.size, self.slices.size)
        content = self.network.start_from(path)
        before, after = (view[0] * view[1] for view in (content.get("window", whole), self.options.crop or whole))
        if before != after and self.network.has_heads(content["state_dict"]):
            self.network.rescale(before / after, self.slices.size)

    def standard(self, numbers: np.ndarray) -> Tensor:
        """The numbers learned beside the classes [cases,numbers], of mean 0 and deviation 1 over the cases that are trained on; NaN: not known."""
        trained_on = numbers[[case for group in self.groups for cases in group for case in cases]]
        for column, values in zip(self.options.learn_also, trained_on.T):
            if len(set(values[np.isfinite(values)])) < 2:
                raise SystemExit(f"the column {column} does not tell the training cases of {self.options.node} apart; leave it out of --learn-also")
        return torch.from_numpy((numbers - np.nanmean(trained_on, 0)) / np.nanstd(trained_on, 0)).float()

    def slices_with_mask(self, masks: np.ndarray) -> List[List[int]]:
        """Per case, the slices whose mask has a pixel."""
        parts = map(self.slices.indices_of_case, range(len(self.slices.cases)))
        return [[index for index in part if masks[index].any()] for part in parts]

    def training_groups(self) -> List[List[List[int]]]:
        """Training cases in groups of equal weight, in each of which labels weigh equally: the two classes of a node; for
        `common` the four labels."""
        labels = CLASS_LABELS[self.nodes[0]]
        if len(self.nodes) > 1:
            labels = [(label,) for pair in labels for label in pair]
        train = self.slices.in_split("train")
        groups = [[[case for case in train if self.slices.cases[case].label == label] for label in group] for group in labels]
        for group, names in zip(groups, labels):
            for cases, name in zip(group, names):
                if not cases:
                    raise SystemExit(f"no training case has the label {name}, which {self.options.node} needs")
        return groups

    def check_validation(self) -> None:
        labels = {self.slices.cases[case].label for case in self.slices.in_split("val")}
        for node in self.nodes:
            for name, wanted in zip(NODES[node], CLASS_LABELS[node]):
                if not labels & set(wanted):
                    raise SystemExit(f"no validation case is of the class {name}, which {node} needs; expected {' or '.join(wanted)}")

    def draw(self, count: int) -> Tuple[Tensor, Tensor, List[int]]:
        """Images, masks and their cases: case at random, then true or predicted masks, then one of the slices they mark."""
        images, masks, cases = [], [], []
        for position in range(count):
            group = self.groups[position % len(self.groups)]
            case = pick(group[pick(range(len(group)))])
            sources = [source for source in range(len(self.masks)) if self.usable[source][case]]
            source = pick(sources)
            index = pick(self.usable[source][case])
            images.append(self.slices.images[index])
            masks.append(self.masks[source][index])
            cases.append(case)
        return slices_to(np.stack(images), self.device), slices_to(np.stack(masks), self.device), cases

    def batch(self, progress: float) -> Tuple[Tensor, List[int]]:
        images, masks, cases = self.draw(self.options.batch)
        unvaried = draw_unvaried(len(images), progress, self.device)
        images, masks = self.views(images, masks, unvaried)
        images = keep_unvaried(unvaried, images, vary_intensity(images))
        return self.channels(images, keep_unvaried(unvaried, masks, vary_masks(masks))), cases

    def views(self, images: Tensor, masks: Tensor, unvaried: Tensor) -> Tuple[Tensor, Tensor]:
        """Whole slices, or with --crop windows around their masks, varied but for those of `unvaried` [N] and where the variation would move the
        whole mask out of the view, of which nothing could be learned."""
        size, crop = self.slices.size, self.options.crop
        if crop:
            centres = torch.stack([middle_of(mask[0]) for mask in masks])
        else:
            centres = torch.full((len(images), 2), (size - 1) / 2, device=self.device)
        view = crop or (size, size)
        grid = random_views(self.variation, centres, size, *view, unvaried)
        moved_images, moved_masks = sample(images, masks, grid)
        empty = moved_masks.amax([1, 2, 3]) == 0
        if empty.any():
            grid[empty] = random_views(self.variation, centres[empty], size, *view, empty[empty])
            moved_images, moved_masks = sample(images, masks, grid)
        return moved_images, moved_masks

    def channels(self, images: Tensor, masks: Tensor) -> Tensor:
        return node_input(self.options.channels, images, masks).contiguous(memory_format=torch.channels_last)

    def loss(self, progress: float) -> Tensor:
        inputs, cases = self.batch(progress)
        if self.options.hold_statistics:
            hold_statistics(self.network)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16):
            found = self.forward(inputs)
        total = torch.zeros((), device=self.device)
        for node in self.nodes:
            targets = [target(node, self.slices.cases[case].label) for case in cases]
            if any(value != IGNORED for value in targets):  # a batch of two slices has none of MS and NMOSD
                wanted = torch.tensor(targets, device=self.device)
                total = total + functional.cross_entropy(found[node].float(), wanted, ignore_index=IGNORED)
        if NUMBERS in found:
            total = total + loss_of_numbers(found[NUMBERS].float(), self.numbers[cases].to(self.device))
        return total

    def margins(self, images: np.ndarray, masks: np.ndarray) -> Dict[str, np.ndarray]:
        """Logit of the second class minus that of the first, per node and slice."""
        parts: Dict[str, List[np.ndarray]] = {node: [] for node in self.nodes}
        for start in range(0, len(images), INFERENCE_BATCH):
            part = slice(start, start + INFERENCE_BATCH)
            shown = slices_to(images[part], self.device), slices_to(masks[part], self.device)
            if self.options.crop:
                shown = self.views(*shown, unvaried=torch.ones(len(shown[0]), dtype=torch.bool, device=self.device))
            inputs = self.channels(*shown)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16):
                found = self.network(inputs)
            for node in self.nodes:
                parts[node].append((found[node][:, 1].float() - found[node][:, 0].float()).cpu().numpy())
        return {node: np.concatenate(part) for node, part in parts.items()}

    def validation_patients(self) -> Dict[str, Patients]:
        """Classified from predicted masks as by the program, or from the true one where nothing was found, as a reader would
        correct it; cases of a patient are taken together."""
        found: Dict[str, Dict[tuple, List[np.ndarray]]] = {node: {} for node in self.nodes}
        for index in self.slices.in_split("val"):
            case = self.slices.cases[index]
            applies = [node for node in self.nodes if target(node, case.label) != IGNORED]
            if not applies:
                continue
            source = max(source for source in range(len(self.masks)) if self.usable[source][index])
            marked = self.usable[source][index]
            margins = self.margins(self.slices.images[marked], self.masks[source][marked])
            for node in applies:
                found[node].setdefault((case.patient_id, target(node, case.label)), []).append(margins[node])
        return {
            node: Patients(np.array([truth for _, truth in part]), [np.concatenate(margins) for margins in part.values()])
            for node, part in found.items()
        }

    def validate(self) -> Validation:
        figures = {node: calibrated_figures(patients) for node, patients in self.validation_patients().items()}
        score = -float(np.mean([measured["log_loss"] for measured in figures.values()]))
        if len(figures) == 1:
            shown = figures[self.nodes[0]]
        else:
            shown = {f"{node}_{key}": measured[key] for node, measured in figures.items() for key in ("log_loss", "auc", "accuracy")}
        return Validation(score, shown, self.checkpoint(figures))

    def checkpoint(self, figures: Dict[str, Dict[str, float]]) -> dict:
        content = {"channels": list(self.options.channels), **({"window": list(self.options.crop)} if self.options.crop else {})}
        if self.options.node == "common":
            content.update({NUMBERS: list(self.options.learn_also)} if self.options.learn_also else {})
            return {**content, "network": "common", "state_dict": {key: value.cpu() for key, value in self.network.state_dict().items()}}
        node = self.nodes[0]
        return {
            **content,
            "network": "classifier",
            "node": node,
            "state_dict": self.network.state_of(node, figures[node]["temperature"]),
            "figures": {key: torch.tensor(value, dtype=torch.float64) for key, value in figures[node].items()},
        }


def middle_of(mask: Tensor) -> Tensor:
    """Row and column of the middle of the box around a mask."""
    places = torch.nonzero(mask).float()
    return (places.amin(0) + places.amax(0)) / 2


def loss_of_numbers(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean over those that are known; an outlier counts by its distance alone."""
    known = torch.isfinite(wanted)
    return functional.smooth_l1_loss(found[known], wanted[known]) if known.any() else found.sum() * 0


def vary_masks(masks: Tensor) -> Tensor:
    """Some masks [N,1,H,W] larger or smaller by a pixel, as predicted ones are; none becomes empty."""
    chance = torch.rand(len(masks), device=masks.device).view(-1, 1, 1, 1)
    larger = functional.max_pool2d(masks, 3, 1, 1)
    smaller = -functional.max_pool2d(-masks, 3, 1, 1)
    smaller = torch.where(smaller.amax([1, 2, 3], keepdim=True) > 0, smaller, masks)
    return torch.where(chance < 0.2, larger, torch.where(chance > 0.85, smaller, masks))


def calibrated_figures(patients: Patients) -> Dict[str, float]:
    """All figures of a node's validation patients: those `_before` at temperature 1, the others at the fitted one."""
    truth = patients.truth
    temperature = fit_temperature(truth, patients.margins)
    before, after = patient_probability(patients.margins), patient_probability(patients.margins, temperature)
    cut = youden(truth, after)
    fixed, best = sensitivity_specificity(truth, after, 0.5), sensitivity_specificity(truth, after, cut)
    return {
        "patients": len(truth),
        "log_loss": log_loss(truth, after),
        "auc": auc(truth, after),
        "accuracy": float(((after >= 0.5) == truth).mean()),
        "sensitivity": fixed[0],
        "specificity": fixed[1],
        "youden": cut,
        "youden_sensitivity": best[0],
        "youden_specificity": best[1],
        "temperature": temperature,
        "brier_before": brier(truth, before),
        "brier": brier(truth, after),
        "ece_before": expected_calibration_error(truth, before),
        "ece": expected_calibration_error(truth, after),
    }


def parse_arguments(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser, batch=16, epoch_steps=200)
    parser.add_argument("--node", choices=(*NODES, "common"), required=True)
    parser.add_argument("--segmenter", type=Path, metavar="CKPT", help="best.ckpt of the segmenter (none: only true masks)")
    parser.add_argument("--channels", nargs="+", choices=sorted(CHANNEL_ROLES), default=CHANNELS, help=f"({' '.join(CHANNELS)})")
    parser.add_argument("--crop", type=window_size, metavar="ROWSxCOLUMNS",
                        help="windows around the lesion in place of whole slices: several times quicker, and a --start for them; "
                        "with channels limited to the mask")
    parser.add_argument("--rotation", type=float, default=30, help="largest rotation in degrees (30)")
    parser.add_argument("--shift", type=float, default=20, help="largest shift in pixels (20)")
    parser.add_argument("--flips", choices=("none", "vertical", "both"), default="vertical", help="vertical: head to feet (vertical)")
    parser.add_argument("--learn-also", nargs="+", metavar="COLUMN", default=[],
                        help="columns of numbers in the cohort table that help the network to see what matters, such as the lesion's length; "
                        "learned beside the classes, left out of the package; after the folder of the cohort")
    options = parse_run_options(parser, arguments)
    if len(set(options.learn_also)) < len(options.learn_also):
        parser.error("--learn-also names a column twice")
    options.lr = options.lr or (LEARNING_RATE if options.start else LEARNING_RATE_FROM_NOTHING)
    return options


def main(arguments: List[str]) -> int:
    options = parse_arguments(arguments)
    slices = open_slices(options.prepared)
    numbers = read_numbers(options.prepared, slices.cases, options.learn_also)
    with locked(options.output):
        device = start_run(options)
        predicted = None
        if options.segmenter:
            predicted = predicted_masks(slices, options.prepared, options.segmenter, device, options.bf16)
        task = ClassifierTask(slices, predicted, numbers, options, device)
        identity = {"cohort": slices.fingerprint, "network": f"{options.node} of {' '.join(options.channels)}"}
        if options.learn_also:
            identity["network"] += f" and {' '.join(options.learn_also)}"
            identity["column of --learn-also"] = hashlib.sha256(numbers.tobytes()).hexdigest()
        Trainer(task.network, options, task.loss, task.validate, identity).run()
    return 0


if __name__ == "__main__":
    sys.exit(interruptible(main, sys.argv[1:]))
