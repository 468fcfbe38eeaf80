"""The network of ESRGAN and Real-ESRGAN (Wang et al. 2018, 2021), of any width, depth and scale.

Attribute names are those of BasicSR's files. Letters: b batch, c channels, f features, g growth, h w size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.upsampling import doubled_convolution
from diffusion.upscaling.config import RRDBConfig

RESIDUAL = 0.2  # what a block adds is scaled by this


def conv(channels: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, padding=1)


class ResidualDenseBlock(nn.Module):
    def __init__(self, config: RRDBConfig):
        super().__init__()
        f, g = config.features, config.growth
        self.conv1, self.conv2, self.conv3, self.conv4 = (conv(f + i * g, g) for i in range(4))
        self.conv5 = conv(f + 4 * g, f)
        self.conv1x1 = nn.Conv2d(f, g, 1, bias=False) if config.plus else None

    def forward(self, x: Tensor) -> Tensor:
        x1 = _rectify(self.conv1(x))
        x2 = _rectify(self.conv2(torch.cat((x, x1), 1)))
        if self.conv1x1 is not None:
            x2 = x2 + self.conv1x1(x)
        x3 = _rectify(self.conv3(torch.cat((x, x1, x2), 1)))
        x4 = _rectify(self.conv4(torch.cat((x, x1, x2, x3), 1)))
        if self.conv1x1 is not None:
            x4 = x4 + x2
        return torch.add(x, self.conv5(torch.cat((x, x1, x2, x3, x4), 1)), alpha=RESIDUAL)


class RRDB(nn.Module):
    """Residual in residual dense block."""

    def __init__(self, config: RRDBConfig):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (ResidualDenseBlock(config) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=RESIDUAL)


class Doubling(nn.Conv2d):
    """Each pixel becomes four, then a convolution."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return doubled_convolution(x, self.weight, self.bias)


MULTIPLE = 4
"""Of which the sides of pictures are multiples whose pixels become channels, as spandrel has it, and so the field."""


class RRDBNet(nn.Module):
    def __init__(self, config: RRDBConfig):
        super().__init__()
        self.config = config
        f = config.features
        self.conv_first = conv(config.in_channels * config.unshuffle**2, f)
        self.body = nn.Sequential(*(RRDB(config) for _ in range(config.blocks)))
        self.conv_body = conv(f, f)
        for i in range(config.doublings):
            setattr(self, f"conv_up{i + 1}", Doubling(f, f, 3, padding=1))
        self.conv_hr = conv(f, f)
        self.conv_last = conv(f, config.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """x (b, c, h, w) in 0..1 -> (b, c, h scale, w scale)."""
        height, width = (size * self.config.scale for size in x.shape[2:])
        x = self.conv_first(unshuffled(x, self.config.unshuffle))
        x = x + self.conv_body(self.body(x))
        for i in range(self.config.doublings):
            x = _rectify(getattr(self, f"conv_up{i + 1}")(x))
        return self.conv_last(_rectify(self.conv_hr(x)))[..., :height, :width]


def unshuffled(x: Tensor, side: int) -> Tensor:
    """x (b, c, h, w) -> (b, c side², h / side, w / side) of the picture with its sides as multiples of MULTIPLE."""
    return x if side == 1 else F.pixel_unshuffle(grown(x), side)


def grown(x: Tensor) -> Tensor:
    """x with sides that are multiples of MULTIPLE: mirrored at its end, and where it is too small, continued."""
    down, right = (-size % MULTIPLE for size in x.shape[2:])
    mirrored_down, mirrored_right = min(down, x.shape[2] - 1), min(right, x.shape[3] - 1)
    x = F.pad(x, (0, mirrored_right, 0, mirrored_down), "reflect")
    return F.pad(x, (0, right - mirrored_right, 0, down - mirrored_down), "replicate")


def _rectify(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)
