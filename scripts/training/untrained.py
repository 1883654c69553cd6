"""Networks whose weights are drawn from a seed: nothing is learned, yet their outputs exercise the program.

Random weights alone saturate or vanish at depth. So batch-norm statistics are taken from a few simulated
spine slices, and scale and offset of each last layer are set such that probabilities spread over (0, 1).
"""

from typing import List, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from networks import DenseNetClassifier, MultiResUNet, ResStep

SLICES = 6
"""Simulated slices that the statistics are taken from."""
LESION_FRACTION = 0.02
"""Share of the first simulated slice that the segmenter marks."""
LOGIT_SPREAD = 0.4
"""Standard deviation of the logits' difference over the simulated slices; real slices spread more."""
NEAR_LINEAR = 1.0
"""Batch-norm offset of the segmenter: most units stay active, so its answer follows brightness on any image."""
ONLY_OUTLIERS = -1.0
"""Offset of the classifiers' last batch norm: the lesion's features stand out from those of the empty rest, whose
large common part would otherwise cancel in the logits and magnify rounding errors."""


NEAR_PIXELS = 16
"""How far from the mask the channel `t2_near_mask` shows the image, in rows and in columns (models/README.md)."""


def smooth_noise(random: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Noise of unit scale that varies over about size/cells pixels."""
    coarse = torch.from_numpy(random.standard_normal((1, 1, cells, cells), dtype=np.float32))
    return nn.functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)[0, 0].numpy()


def simulated_slice(random: np.random.Generator, size: int = 256) -> Tuple[np.ndarray, np.ndarray]:
    """A sagittal slice in [0, 1] with vertebrae, discs, cord and one bright lesion; and the lesion's mask."""
    row, column = np.mgrid[0:size, 0:size].astype(np.float32) / size
    bend = 0.36 + 0.05 * np.sin(2 * np.pi * (row + random.uniform()))
    from_canal = column - bend  # distance from the middle of the cord, along the row

    image = 0.22 + 0.04 * smooth_noise(random, size, 12)
    image[column < 0.08 + 0.04 * np.sin(3 * row)] = 0.02  # air in front
    image[from_canal > 0.30] = 0.60  # fat behind
    image[from_canal > 0.42] = 0.02
    spine = (from_canal > -0.24) & (from_canal < -0.06)
    level = (row * random.uniform(8, 11) + random.uniform()) % 1
    image[spine] = np.where(level < 0.78, 0.36, random.uniform(0.15, 0.28))[spine]
    image[np.abs(from_canal) < 0.055] = 0.75  # cerebrospinal fluid
    image[np.abs(from_canal) < 0.032] = 0.48  # cord

    middle, half_length, half_width = random.uniform((0.35, 0.03, 0.015), (0.65, 0.20, 0.045))
    lesion = ((row - middle) / half_length) ** 2 + (from_canal / half_width) ** 2 < 1
    image[lesion] = 0.92
    image = torch.from_numpy(image)[None, None]
    image = nn.functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False)[0, 0].numpy()
    floor, gain = random.uniform(0, 0.12), random.uniform(0.6, 1)
    image = floor + (1 - floor) * gain * image
    image = image + random.uniform(0.01, 0.03) * random.standard_normal(image.shape, dtype=np.float32)
    margin = int(random.integers(0, size // 6))  # what a letterbox leaves above and below
    image[:margin] = image[size - margin :] = random.uniform(0, floor)
    return np.clip(image, 0, 1).astype(np.float32), lesion


def simulated_batch(seed: int, size: int = 256) -> Tuple[Tensor, Tensor]:
    """Images and masks [SLICES,1,size,size]; the first is the golden input of an untrained package."""
    random = np.random.default_rng(seed)
    slices = [simulated_slice(random, size) for _ in range(SLICES)]
    stacks = [np.stack([part[i] for part in slices])[:, None].astype(np.float32) for i in (0, 1)]
    return torch.from_numpy(stacks[0]), torch.from_numpy(stacks[1])


def node_input(channels: List[str], image: Tensor, mask: Tensor) -> Tensor:
    """The classifier input [N,C,H,W] that a node's channel roles ask for."""
    near = nn.functional.max_pool2d(mask, 2 * NEAR_PIXELS + 1, 1, NEAR_PIXELS) if "t2_near_mask" in channels else mask
    roles = {"t2": image, "mask": mask, "t2_in_mask": image * mask, "t2_near_mask": image * near, "zero": torch.zeros_like(image)}
    return torch.cat([roles[role] for role in channels], 1)


def draw_weights(network: nn.Module, random: torch.Generator, smooth: bool = False) -> None:
    """He initialisation. Transposed convolutions repeat one weight, so they do not draw a checkerboard;
    with `smooth`, kernels are mostly a random mix of blurred channels, so noise does not grow with depth."""
    blur = torch.tensor([1.0, 2.0, 1.0]) / 6**0.5  # its outer product has unit norm
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=random)
            if smooth and module.weight[0, 0].numel() == 9:
                mixed = module.weight.data[:, :, 1:2, 1:2] * 3 * torch.outer(blur, blur)
                module.weight.data.mul_(0.2).add_(mixed)
        elif isinstance(module, nn.ConvTranspose2d):
            inputs, outputs = module.weight.shape[:2]
            weight = torch.empty(inputs, outputs, 1, 1).normal_(0, (1 / inputs) ** 0.5, generator=random)
            module.weight.data.copy_(weight.expand_as(module.weight))
        else:
            continue
        if module.bias is not None:
            module.bias.data.zero_()


def set_batch_norm_statistics(network: nn.Module, batch: Tensor) -> None:
    """Lets every batch norm measure `batch`, so that activations have unit scale at any depth."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain average
            module.reset_running_stats()
    with torch.no_grad():
        network.train()(batch)
    network.eval()


def untrained_segmenter(seed: int, size: int = 256) -> MultiResUNet:
    network = MultiResUNet()
    draw_weights(network, torch.Generator().manual_seed(seed), smooth=True)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, NEAR_LINEAR)
    for path in network.skips:  # coarse features lead, so that the marked regions are compact
        nn.init.constant_(path[-1].norm.weight, 0.3)
    images, _ = simulated_batch(seed, size)
    set_batch_norm_statistics(network, images)
    with torch.no_grad():
        features = network.features(images)
        brightness = ((images - images.mean()) * features).mean([0, 2, 3]).sign()
        network.head.weight.copy_(network.head.weight.abs() * brightness[:, None, None])
        response = network.head(features)
        middle, cut = torch.quantile(response[0], torch.tensor([0.5, 1 - LESION_FRACTION]))
        scale = 4 / (cut - middle)  # half of the pixels lie below a probability of 0.02
        network.head.weight *= scale
        network.head.bias.copy_((-scale * cut).reshape(1))
    return network


def untrained_classifier(seed: int, channels: List[str], size: int = 256) -> DenseNetClassifier:
    network = DenseNetClassifier(len(channels))
    draw_weights(network, torch.Generator().manual_seed(seed))
    nn.init.constant_(network.features.norm5.bias, ONLY_OUTLIERS)
    batch = node_input(channels, *simulated_batch(seed, size))
    set_batch_norm_statistics(network, batch)
    with torch.no_grad():
        logits = network(batch)
        scale = LOGIT_SPREAD / (logits[:, 1] - logits[:, 0]).std()
        network.output.weight *= scale
        network.output.bias.copy_(-scale * logits.mean(0))
    return network
