#!/usr/bin/env python3
"""Trains the segmenter on a prepared cohort: RUN/best.ckpt is what export.py and train_classifiers.py take.

Loss: soft Dice, of the batch and of slices, + binary cross-entropy of the hardest pixels. Most of the budget goes to random crops, which are
cheap; the last part (--full-share) to whole slices, which the program will give the network; there the batch norms keep the statistics of the
crops, as those of few whole slices would differ too much from batch to batch. The checkpoint with the best validation is kept: the Dice,
averaged over labels, at the operating point that operating_point.py chooses.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import List, Tuple

import torch
from torch import Tensor
from torch.nn import functional

from argument_types import positive_count, share
from augment import Variation, draw_unvaried, keep_unvaried, random_views, sample, vary_intensity
from checkpoint import read_content
from cohort import LABELS, Slices, open_slices
from loop import Trainer, Validation
from networks import hold_statistics
from operating_point import HEALTHY_WITH_LESION, OperatingPoint, choose_operating_point, measure_case
from run import add_run_options, interruptible, locked, parse_run_options, read_start, say, save_atomically, start_run, window_size
from sampling import ANYWHERE_SHARE, SegmentationSampler, lesion_pixel, pick
from segmenting import FastSegmenter, probabilities, slices_to

LEARNING_RATE = 1e-3
HARDEST_SHARE = 0.02
"""Of a batch's pixels: the cross-entropy is averaged over those alone that have the highest."""
EXAMPLES = 32
"""Validation slices kept in the checkpoint, on which export.py compares bf16 with fp32; the mean Dice of fewer depends on which they are."""


def soft_dice(probability: Tensor, masks: Tensor) -> Tensor:
    """Of the last three dimensions taken together."""
    overlap, both = (probability * masks).sum([-3, -2, -1]), (probability + masks).sum([-3, -2, -1])
    return (2 * overlap + 1) / (both + 1)


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """1 - soft Dice + binary cross-entropy of [N,1,rows,columns]. Half of the Dice is that of the whole batch, so that slices without lesion
    count too; half the mean of the slices with lesion, so that a small lesion counts as much as a large one. The cross-entropy is the mean of
    the hardest pixels: a false mark far from any lesion, on whose probability the Dice hardly depends, would vanish in the mean of all."""
    probability = torch.sigmoid(logits)
    dice = soft_dice(probability.squeeze(1), masks.squeeze(1))
    with_lesion = masks.amax([1, 2, 3]) > 0
    if with_lesion.any():
        dice = (dice + soft_dice(probability[with_lesion], masks[with_lesion]).mean()) / 2
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none").flatten()
    return 1 - dice + entropy.topk(math.ceil(HARDEST_SHARE * len(entropy)), sorted=False).values.mean()


class SegmenterTask:
    """Batches, loss and validation of the segmenter."""

    def __init__(self, slices: Slices, options: argparse.Namespace, device: torch.device):
        self.slices, self.options, self.device = slices, options, device
        self.healthy_limit = healthy_limit(options)
        self.neighbours = slices_with_lesion_of_same_case(slices)
        self.network = FastSegmenter().to(device)
        if options.start:
            load_start(self.network, options.start)
        self.sampler = SegmentationSampler(slices, options.lesion_share)
        flips = (options.flips != "none", options.flips == "both")
        self.variation = Variation(options.rotation, options.shift, (0.8, 1.25), *flips)
        self.val_cases = spread_over_labels(slices, slices.in_split("val"))
        logits = self.network.logits
        self.logits = torch.compile(logits, dynamic=False) if options.compile else logits

    def centres(self, chosen: List[int], window: Tuple[int, int]) -> Tensor:
        """Where the windows are: near a lesion pixel of the slice; where it has none, near one of another slice of the case, as the cord is there;
        in healthy cases near one of any training case. Some windows without lesion lie anywhere."""
        whole, half = self.slices.size, torch.tensor(window) / 2
        centres = torch.empty(len(chosen), 2)
        for row, index in enumerate(chosen):
            with_lesion = self.slices.lesion_pixels[index] > 0
            if not with_lesion and float(torch.rand(())) < ANYWHERE_SHARE:
                centre = torch.rand(2) * whole
            else:
                marked = [index] if with_lesion else self.neighbours[index] or [self.sampler.slice_with_lesion()]
                centre = torch.from_numpy(lesion_pixel(self.slices.masks[pick(marked)])) + (torch.rand(2) - 0.5) * 1.5 * half
            centres[row] = torch.minimum(torch.maximum(centre, half), whole - half)
        return centres - 0.5

    def batch(self, progress: float) -> Tuple[Tensor, Tensor]:
        """Images and masks [N,1,rows,columns]; as many pixels whatever the window, but at least four slices."""
        options, whole = self.options, self.slices.size
        window = options.crop if options.crop and progress < 1 - options.full_share else (whole, whole)
        count = options.batch
        if options.crop:
            count = max(4, round(count * options.crop[0] * options.crop[1] / (window[0] * window[1])))
        chosen = self.sampler.draw(count)
        masks = self.slices.masks[chosen]
        centres = self.centres(chosen, window)
        unvaried = draw_unvaried(count, progress, self.device)
        grid = random_views(self.variation, centres.to(self.device), whole, *window, unvaried)
        images, truth = sample(slices_to(self.slices.images[chosen], self.device), slices_to(masks, self.device), grid)
        return keep_unvaried(unvaried, images, vary_intensity(images)), truth

    def loss(self, progress: float) -> Tensor:
        images, truth = self.batch(progress)
        if self.options.hold_statistics or (self.options.crop and images.shape[-2:] == (self.slices.size,) * 2):
            hold_statistics(self.network)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16):
            logits = self.logits(images)
        return segmentation_loss(logits.float(), truth)

    def evaluate(self, cases: List[int]) -> OperatingPoint:
        measured = []
        for case in cases:
            part = self.slices.of_case(case)
            found = probabilities(self.network, self.slices.images[part], self.device, self.options.bf16)
            label, voxel_mm3 = self.slices.cases[case].label, float(self.slices.voxel_mm3[case])
            measured.append(measure_case(label, voxel_mm3, found, self.slices.masks[part]))
        return choose_operating_point(measured, self.healthy_limit)

    def validate(self) -> Validation:
        cases = self.val_cases[: self.options.val_cases]
        point = self.evaluate(cases)
        figures = {**point.figures, "threshold": point.threshold, "min_lesion_mm3": point.min_lesion_mm3}
        return Validation(point.score, figures, self.checkpoint(point, len(cases)))

    def checkpoint(self, point: OperatingPoint, cases: int) -> dict:
        images, masks = self.examples()
        return {
            "network": "segmenter",
            "state_dict": {key: value.cpu() for key, value in self.network.state_dict().items()},
            "channels": ["t2"],
            "threshold": torch.tensor(point.threshold, dtype=torch.float64),
            "threshold_source": f"best mean Dice of {cases} validation cases",
            "healthy_limit": torch.tensor(self.healthy_limit, dtype=torch.float64),
            "min_lesion_mm3": torch.tensor(point.min_lesion_mm3, dtype=torch.float64),
            "example_images": images,
            "example_masks": masks,
            "figures": {key: torch.tensor(value, dtype=torch.float64) for key, value in point.figures.items()},
        }

    def examples(self) -> List[Tensor]:
        """The slice with the largest lesion of each of the first validation cases, [N,1,H,W] in half precision, and its mask."""
        with_lesion = [case for case in self.val_cases if self.slices.cases[case].label != "healthy"][:EXAMPLES]
        parts = [self.slices.of_case(case) for case in with_lesion]
        chosen = [part.start + int(self.slices.lesion_pixels[part].argmax()) for part in parts]
        arrays = [self.slices.images[chosen], self.slices.masks[chosen]]
        return [torch.from_numpy(array)[:, None].contiguous() for array in arrays]


def slices_with_lesion_of_same_case(slices: Slices) -> List[List[int]]:
    """Of each slice."""
    parts = [slices.indices_of_case(case) for case in range(len(slices.cases))]
    marked = [[index for index in part if slices.lesion_pixels[index]] for part in parts]
    return [found for part, found in zip(parts, marked) for _ in part]


def load_start(network: torch.nn.Module, path: Path) -> None:
    try:
        network.load_state_dict(read_start(path)["state_dict"])
    except RuntimeError as error:
        raise SystemExit(f"{path} does not fit the segmenter: {error}") from None


def limit_of(checkpoint: dict) -> float:
    return float(checkpoint.get("healthy_limit", HEALTHY_WITH_LESION))


def healthy_limit(options: argparse.Namespace) -> float:
    """The one that is asked for, else that of the run that is gone on with."""
    if options.healthy_limit is not None:
        return options.healthy_limit
    best = options.output / "best.ckpt"
    return limit_of(read_content(best)) if options.resume and best.exists() else HEALTHY_WITH_LESION


def spread_over_labels(slices: Slices, cases: List[int]) -> List[int]:
    """`cases` ordered such that any beginning holds the labels in equal shares."""
    queues = [[case for case in cases if slices.cases[case].label == label] for label in LABELS]
    longest = max(len(queue) for queue in queues)
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]


def choose_threshold(task: SegmenterTask) -> None:
    """Gives best.ckpt the operating point of all validation cases, once, and again if another limit is asked for."""
    path = task.options.output / "best.ckpt"
    best = read_content(path)
    if best.get("complete") and limit_of(best) == task.healthy_limit:
        return say("this run is complete")
    task.network.load_state_dict(best["state_dict"])
    task.network.eval()
    point = task.evaluate(task.val_cases)
    save_atomically({**task.checkpoint(point, len(task.val_cases)), "complete": True}, path)
    say(f"all {len(task.val_cases)} validation cases: threshold {point.threshold}, min_lesion_mm3 {point.min_lesion_mm3}")
    say("  ".join(f"{key} {value:.4g}" for key, value in point.figures.items()))


def parse_arguments(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser, batch=16, epoch_steps=500)
    parser.add_argument("--crop", type=window_size, default=(128, 64), metavar="ROWSxCOLUMNS", help="of the crops; 0: whole slices (128x64)")
    parser.add_argument("--full-share", type=share, default=0.2, help="last part of the budget, on whole slices (0.2)")
    parser.add_argument("--lesion-share", type=share, default=0.5, help="slices with lesion in a batch; of the others half are of healthy cases (0.5)")
    parser.add_argument("--val-cases", type=positive_count, default=20, help="cases of a validation during training; the last one takes all (20)")
    parser.add_argument("--healthy-limit", type=share, metavar="SHARE",
                        help="largest share of healthy validation cases in which the operating point may find a lesion; with --resume a finished "
                        f"run takes another ({HEALTHY_WITH_LESION})")
    parser.add_argument("--rotation", type=float, default=20, help="largest rotation in degrees (20)")
    parser.add_argument("--shift", type=float, default=8, help="largest shift in pixels (8)")
    parser.add_argument("--flips", choices=("none", "vertical", "both"), default="vertical", help="vertical: head to feet (vertical)")
    options = parse_run_options(parser, arguments)
    options.lr = options.lr or LEARNING_RATE
    return options


def main(arguments: List[str]) -> int:
    options = parse_arguments(arguments)
    slices = open_slices(options.prepared)
    with locked(options.output):
        device = start_run(options)
        task = SegmenterTask(slices, options, device)
        Trainer(task.network, options, task.loss, task.validate, {"cohort": slices.fingerprint, "network": "segmenter"}).run()
        choose_threshold(task)
    return 0


if __name__ == "__main__":
    sys.exit(interruptible(main, sys.argv[1:]))
