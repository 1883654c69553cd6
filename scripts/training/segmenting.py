"""Running the segmenter over cases, in training and afterwards."""

from typing import Optional, Sequence, Tuple, Union

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from networks import MultiResBlock, MultiResUNet, ResStep

INFERENCE_BATCH = 8
SMALLEST_FOLDED_WEIGHT = 0.05
"""Of a batch norm behind a ReLU. What is scaled by less would be divided by it again, with gradients that cancel but for rounding."""


class ShuffledTransposed(nn.ConvTranspose2d):
    """The transposed convolution of 2x2 pixels, stride 2, as a 1x1 convolution and a pixel shuffle: same parameters,
    same result, half as long to train on CPUs."""

    def forward(self, x: Tensor) -> Tensor:
        inputs, outputs = self.weight.shape[:2]
        weight = self.weight.permute(1, 2, 3, 0).reshape(4 * outputs, inputs, 1, 1)
        return torch.pixel_shuffle(functional.conv2d(x, weight, self.bias.repeat_interleave(4)), 2)


def scale_and_shift(norm: nn.BatchNorm2d) -> Tuple[Tensor, Tensor]:
    """What a batch norm that holds its statistics does to each channel."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def folded_conv(conv_norm: nn.Sequential, x: Tensor, scale: Tensor, shift: Union[Tensor, float] = 0.0,
                scale_of_x: Optional[Tensor] = None) -> Tensor:
    """scale * conv_norm(x / scale_of_x) + shift, each by channel."""
    conv, norm = conv_norm
    own_scale, own_shift = scale_and_shift(norm)
    weight = conv.weight * (own_scale * scale).view(-1, 1, 1, 1)
    if scale_of_x is not None:
        weight = weight / scale_of_x.view(1, -1, 1, 1)
    weight = weight.contiguous(memory_format=torch.channels_last)  # so are the results
    return functional.conv2d(x, weight, own_shift * scale + shift, padding=conv.padding)


def shifted(x: Tensor, shift: Tensor) -> Tensor:
    return x + shift.to(x.dtype).view(1, -1, 1, 1)


def can_fold(layers: nn.Module, *behind_relu: nn.BatchNorm2d) -> bool:
    """A scale goes before a ReLU if it is fixed and positive, as s relu(x) = relu(s x), and not too small. On CPUs alone: a GPU would have
    to wait for the answer."""
    norms = [module for module in layers.modules() if isinstance(module, nn.BatchNorm2d)]
    if any(norm.training or norm.weight.is_cuda for norm in norms):
        return False
    return all(float(norm.weight.detach().min()) > SMALLEST_FOLDED_WEIGHT for norm in behind_relu)


class FoldingBlock(MultiResBlock):
    """While its batch norms hold their statistics, computed with the convolutions; so is `FoldingStep`. Results and gradients are those of the
    plain one, up to rounding, in a fraction of its passes over memory: scales go before the ReLUs and into the weights, with every shift but
    that behind the last ReLU, because what comes next pads with 0."""

    def foldable(self) -> bool:
        return can_fold(self, self.norm_joined, self.norm)

    def forward(self, x: Tensor) -> Tensor:
        """Small, medium and large are computed as `norm_joined` and `norm` would scale them."""
        if not self.foldable():
            return super().forward(x)
        joined_scale, joined_shift = scale_and_shift(self.norm_joined)
        scale, shift = scale_and_shift(self.norm)
        widths = [conv_norm[0].out_channels for conv_norm in (self.conv3, self.conv5, self.conv7)]
        for_small, for_medium, for_large = torch.split(joined_scale * scale, widths)
        small = torch.relu_(folded_conv(self.conv3, x, for_small))
        medium = torch.relu_(folded_conv(self.conv5, small, for_medium, scale_of_x=for_small))
        large = torch.relu_(folded_conv(self.conv7, medium, for_large, scale_of_x=for_medium))
        joined = torch.cat([small, medium, large], 1)
        return shifted(torch.relu_(joined + folded_conv(self.shortcut, x, scale, joined_shift * scale)), shift)


class FoldingStep(ResStep):
    """See `FoldingBlock`."""

    def foldable(self) -> bool:
        return can_fold(self, self.norm)

    def forward(self, x: Tensor) -> Tensor:
        if not self.foldable():
            return super().forward(x)
        scale, shift = scale_and_shift(self.norm)
        own = torch.relu_(folded_conv(self.conv, x, scale))
        return shifted(torch.relu_(own + folded_conv(self.shortcut, x, scale)), shift)


class FastSegmenter(MultiResUNet):
    """A MultiResUNet, interchangeable with a plain one by its state_dict, quicker on CPUs: see its parts."""

    def __init__(self):
        super().__init__(block=FoldingBlock, step=FoldingStep, upsampling=ShuffledTransposed)


def slices_to(images: np.ndarray, device: torch.device) -> Tensor:
    """Slices [N,rows,columns] as a float batch [N,1,rows,columns]."""
    return torch.from_numpy(np.array(images)).to(device).float()[:, None]


def probabilities(network: nn.Module, images: Sequence[np.ndarray], device: torch.device, bf16: bool) -> np.ndarray:
    """Lesion probability [N,rows,columns] of slices; the network is in eval mode."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(images), INFERENCE_BATCH):
            batch = slices_to(images[start : start + INFERENCE_BATCH], device)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = network.logits(batch)
            parts.append(torch.sigmoid(logits.float())[:, 0].cpu().numpy())
    return np.concatenate(parts)
