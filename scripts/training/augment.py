"""Random variation of training slices: whole batches at a time, on the device of the batch."""

import math
from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torch.nn import functional


UNVARIED_FROM, UNVARIED_SHARE = 0.65, 0.5
"""From this part of the budget on so many slices are shown as they are."""


class Variation(NamedTuple):
    """How far a slice may be moved; lengths in pixels of the network image."""

    rotation_degrees: float
    shift: float
    zoom: tuple  # smallest and largest magnification
    flip_rows: bool  # head to feet
    flip_columns: bool  # front to back


def uniform(count: int, low: float, high: float, device: torch.device) -> Tensor:
    return torch.empty(count, device=device).uniform_(low, high)


def draw_unvaried(count: int, progress: float, device: torch.device) -> Tensor:
    """Which of a batch's slices [N] are shown as they are, `progress` being the part of the budget that is spent."""
    return torch.rand(count, device=device) < (UNVARIED_SHARE if progress >= UNVARIED_FROM else 0.0)


def random_views(variation: Variation, centres: Tensor, source_size: int, rows: int, columns: int, unvaried: Optional[Tensor] = None) -> Tensor:
    """Sampling grids [N,rows,columns,2] of windows around `centres` [N,2] (row, column; pixels of the source). Those of `unvaried` [N] are
    only cut out, between the pixels that are nearest: windows have even sizes."""
    count, device = len(centres), centres.device
    unvaried = torch.zeros(count, dtype=torch.bool, device=device) if unvaried is None else unvaried
    centres = torch.where(unvaried[:, None], (centres + 0.5).round() - 0.5, centres)
    strength = 1.0 - unvaried.float()
    angle = uniform(count, -variation.rotation_degrees, variation.rotation_degrees, device) * (math.pi / 180) * strength
    low, high = (math.log(factor) for factor in variation.zoom)
    scale = torch.exp(-uniform(count, low, high, device) * strength)
    flip_x = torch.where(torch.rand(count, device=device) < 0.5 * variation.flip_columns * strength, -1.0, 1.0)
    flip_y = torch.where(torch.rand(count, device=device) < 0.5 * variation.flip_rows * strength, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    high, wide = rows / source_size, columns / source_size
    moved = centres + uniform(2 * count, -variation.shift, variation.shift, device).view(count, 2) * strength[:, None]
    centre = (2 * moved + 1) / source_size - 1
    affine = [
        torch.stack([cos * flip_x * wide, -sin * flip_y * high, centre[:, 1]], 1),
        torch.stack([sin * flip_x * wide, cos * flip_y * high, centre[:, 0]], 1),
    ]
    return functional.affine_grid(torch.stack(affine, 1), [count, 1, rows, columns], align_corners=False)


def sample(images: Tensor, masks: Tensor, grid: Tensor) -> tuple:
    """Images bilinearly, masks by the nearest pixel; 0 outside, as the letterbox has it."""
    moved = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    return moved, functional.grid_sample(masks, grid, mode="nearest", align_corners=False)


def keep_unvaried(unvaried: Tensor, images: Tensor, varied: Tensor) -> Tensor:
    """`varied` [N,1,H,W], but those of `unvaried` [N] as they are in `images`."""
    return torch.where(unvaried.view(-1, 1, 1, 1), images, varied)


def gaussian_blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Each image [N,1,H,W] with its own sigma [N] in pixels."""
    offset = torch.arange(-3, 4, device=images.device)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    count = len(images)
    stacked = functional.pad(images.transpose(0, 1), (3, 3, 3, 3), mode="replicate")
    stacked = functional.conv2d(stacked, kernel.view(count, 1, 1, 7), groups=count)
    return functional.conv2d(stacked, kernel.view(count, 1, 7, 1), groups=count).transpose(0, 1)


def lower_resolution(images: Tensor, share: float) -> Tensor:
    """Some images as if acquired with pixels 1.5 to 3 times as large."""
    images = images.clone()
    size = images.shape[-2:]
    for index in torch.nonzero(torch.rand(len(images)) < share).flatten().tolist():
        factor = 1 / float(uniform(1, 1.5, 3, torch.device("cpu")))
        small = functional.interpolate(images[index : index + 1], scale_factor=factor, mode="area", recompute_scale_factor=True)
        images[index] = functional.interpolate(small, size, mode="bilinear", align_corners=False)[0]
    return images


def vary_intensity(images: Tensor, noise: Optional[float] = 0.05) -> Tensor:
    """Gamma, contrast, brightness, blur or sharpness, resolution and noise of images [N,1,H,W] in [0,1]."""
    count, device = len(images), images.device

    def factor(low: float, high: float) -> Tensor:
        return uniform(count, low, high, device).view(count, 1, 1, 1)

    images = images.clamp(1e-4, 1) ** torch.exp(factor(-0.4, 0.4))
    mean = images.mean([1, 2, 3], keepdim=True)
    images = mean + (images - mean) * factor(0.75, 1.25) + factor(-0.1, 0.1)
    blurred = gaussian_blur(images, uniform(count, 0.4, 1.6, device))
    images = images + (images - blurred) * (factor(-1, 1) * (factor(0, 1) < 0.5))
    images = lower_resolution(images, 0.2)
    if noise:
        images = images + torch.randn_like(images) * (factor(0, noise) * (factor(0, 1) < 0.5))
    return images.clamp(0, 1)
