"""The two network architectures of a model package, as plain PyTorch modules that can be scripted.

Both follow the published method (Zhuo et al. 2022, doi 10.1148/ryai.210292): a 2D MultiResUNet
(Ibtehaz & Rahman 2020, doi 10.1016/j.neunet.2019.08.025) marks the lesion on each sagittal slice, and
DenseNet121 classifiers decide between two diseases.
"""

import copy
import re
from typing import Dict, List, Tuple, Type

import torch
import torchvision
from torch import Tensor, nn

NODES = {
    "tumor_vs_demyelination": ("tumor", "demyelination"),
    "astrocytoma_vs_ependymoma": ("astrocytoma", "ependymoma"),
    "ms_vs_nmosd": ("ms", "nmosd"),
}
"""The classifiers of the hierarchy and their two classes; the second is the positive one."""


def conv_bn(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class MultiResBlock(nn.Module):
    """Three chained 3x3 convolutions, which see 3, 5 and 7 pixels, beside a 1x1 shortcut."""

    def __init__(self, inputs: int, filters: int, alpha: float = 1.67):
        super().__init__()
        width = alpha * filters
        small, medium, large = int(width * 0.167), int(width * 0.333), int(width * 0.5)
        self.outputs = small + medium + large
        self.shortcut = conv_bn(inputs, self.outputs, 1)
        self.conv3 = conv_bn(inputs, small, 3)
        self.conv5 = conv_bn(small, medium, 3)
        self.conv7 = conv_bn(medium, large, 3)
        self.norm_joined = nn.BatchNorm2d(self.outputs)
        self.norm = nn.BatchNorm2d(self.outputs)

    def forward(self, x: Tensor) -> Tensor:
        small = torch.relu(self.conv3(x))
        medium = torch.relu(self.conv5(small))
        large = torch.relu(self.conv7(medium))
        joined = self.norm_joined(torch.cat([small, medium, large], 1))
        return self.norm(torch.relu(joined + self.shortcut(x)))


class ResStep(nn.Module):
    """One residual step of a res path."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.shortcut = conv_bn(inputs, outputs, 1)
        self.conv = conv_bn(inputs, outputs, 3)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(torch.relu(torch.relu(self.conv(x)) + self.shortcut(x)))


class MultiResUNet(nn.Module):
    """[N,1,H,W] network image -> [N,1,H,W] lesion probability; H and W are multiples of 16.

    Skip connections are res paths: residual steps that bring encoder features closer to the decoder's. `block`, `step` and `upsampling`
    are for classes that compute the same in another way.
    """

    def __init__(self, filters: Tuple[int, ...] = (32, 64, 128, 256, 512), block: Type[MultiResBlock] = MultiResBlock,
                 step: Type[ResStep] = ResStep, upsampling: Type[nn.ConvTranspose2d] = nn.ConvTranspose2d):
        super().__init__()
        self.encoder = nn.ModuleList()
        self.skips = nn.ModuleList()
        channels = 1
        for level, count in enumerate(filters[:-1]):
            self.encoder.append(block(channels, count))
            channels = self.encoder[-1].outputs
            self.skips.append(nn.Sequential(step(channels, count), *[step(count, count) for _ in range(len(filters) - 2 - level)]))
        self.bottom = block(channels, filters[-1])
        channels = self.bottom.outputs

        self.upsample = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for count in reversed(filters[:-1]):
            self.upsample.append(upsampling(channels, count, 2, stride=2))
            self.decoder.append(block(2 * count, count))
            channels = self.decoder[-1].outputs
        self.head = nn.Conv2d(channels, 1, 1)

    def features(self, x: Tensor) -> Tensor:
        skipped: List[Tensor] = []
        for block, skip in zip(self.encoder, self.skips):
            x = block(x)
            skipped.append(skip(x))
            x = torch.max_pool2d(x, 2)
        x = self.bottom(x)
        for upsample, block in zip(self.upsample, self.decoder):
            x = block(torch.cat([upsample(x), skipped.pop()], 1))
        return x

    @torch.jit.export
    def logits(self, x: Tensor) -> Tensor:
        """Before the sigmoid: what a training loss should take, for numerical stability."""
        return self.head(self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(x))


def hold_statistics(network: nn.Module) -> None:
    """Until the next `train()`, batch norms normalise as they will after training, and do not update their statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


class DenseNetClassifier(nn.Module):
    """[N,C,H,W] channels of one node -> [N,2] logits."""

    def __init__(self, channels: int = 3):
        super().__init__()
        self.features = torchvision.models.densenet121(weights=None).features
        if channels != 3:
            self.features.conv0 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.hidden = nn.Linear(1024, 128)
        self.output = nn.Linear(128, 2)

    def feature_maps(self, x: Tensor) -> Tensor:
        return torch.relu(self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.feature_maps(x).mean([2, 3])
        return self.output(torch.relu(self.hidden(pooled)))

    @torch.jit.export
    def grad_cam(self, x: Tensor, class_index: int) -> Tuple[Tensor, Tensor]:
        """Logits [N,2] and, per image, where the logit of `class_index` comes from [N,h,w] in [0,1].

        Behind the pooling stand only two dense layers, so the gradient of the logit with respect to
        the feature maps is written out: exact, the same for all positions, and without autograd.
        """
        maps = self.feature_maps(x)
        hidden = self.hidden(maps.mean([2, 3]))
        logits = self.output(torch.relu(hidden))
        active = (hidden > 0).to(hidden.dtype)
        gradient = torch.matmul(active * self.output.weight[class_index], self.hidden.weight)
        cam = torch.relu((gradient[:, :, None, None] * maps).sum(1)).float()
        peak = cam.amax([1, 2], keepdim=True)
        return logits, cam / peak.clamp(min=1e-20)


class ShuffleUpsample(nn.Module):
    """A 2x2 stride-2 transposed convolution, computed as a 1x1 convolution and a pixel shuffle.

    The numbers are the same; it runs several times faster on CPUs, and in bf16 at all.
    """

    def __init__(self, transposed: nn.ConvTranspose2d):
        super().__init__()
        inputs, outputs = transposed.in_channels, transposed.out_channels
        self.conv = nn.Conv2d(inputs, 4 * outputs, 1)
        with torch.no_grad():
            weight = transposed.weight.permute(1, 2, 3, 0).reshape(4 * outputs, inputs, 1, 1)
            self.conv.weight.copy_(weight)
            self.conv.bias.copy_(transposed.bias.repeat_interleave(4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.pixel_shuffle(self.conv(x), 2)


UNUSED_SIZES = ("in_channels", "out_channels", "kernel_size", "in_features", "out_features", "num_features")


def with_shuffle_upsampling(network: nn.Module) -> nn.Module:
    """A copy of `network` in which every transposed convolution is a `ShuffleUpsample`."""
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ConvTranspose2d):
                setattr(parent, name, ShuffleUpsample(child))
    return network


def without_shuffle_upsampling(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The state_dict of the network that `with_shuffle_upsampling` took, from that of the one it returned."""
    plain = {}
    for key, value in state.items():
        shuffled = re.fullmatch(r"(upsample\.\d+)\.conv\.(weight|bias)", key)
        if not shuffled:
            plain[key] = value
        elif shuffled[2] == "bias":
            plain[f"{shuffled[1]}.bias"] = value[::4].clone()
        else:
            outputs, inputs = value.shape[0] // 4, value.shape[1]
            plain[f"{shuffled[1]}.weight"] = value.view(outputs, 2, 2, inputs).permute(3, 0, 1, 2).contiguous()
    return plain


def with_shared_types(network: nn.Module) -> nn.Module:
    """`network` itself, without the sizes that its layers note beside their weights, and that `forward` does not use.

    TorchScript writes layers that note different numbers as a class each, of which a DenseNet has hundreds, and compiles all when it
    reads them. Without, it is two dozen, read in a fraction of the time.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
            for name in UNUSED_SIZES:
                if hasattr(module, name):
                    setattr(module, name, 0)
    return network


def within_half_precision(network: nn.Module, largest: float = 2.0**14) -> nn.Module:
    """A copy of `network` that computes the same with no running variance of a `conv_bn` above `largest`.

    A convolution without bias before a batch norm may have any scale. Halving it, which is exact, quarters the variance.
    """
    network = copy.deepcopy(network)
    for pair in network.modules():
        if not (isinstance(pair, nn.Sequential) and [type(part) for part in pair] == [nn.Conv2d, nn.BatchNorm2d]):
            continue
        conv, norm = pair
        halvings = (norm.running_var / largest).log2().div(2).ceil().clamp(min=0)
        scale = 0.5**halvings
        with torch.no_grad():
            conv.weight.mul_(scale[:, None, None, None])
            norm.running_mean.mul_(scale)
            scaled = scale < 1
            variance = (norm.running_var + norm.eps) * scale**2 - norm.eps
            norm.running_var[scaled] = variance[scaled]
    return network


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
