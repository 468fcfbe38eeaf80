"""T2I-Adapter (Mou et al. 2023): a small network that looks at the picture once. Names are diffusers'.

Letters: b batch, i channels of the picture, H W its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from diffusion.header import Shapes


@dataclass(frozen=True)
class AdapterConfig:
    """`hidden`: the channels within each level, which differ from those of its output in the light kind alone."""

    pixels: int  # channels of the picture
    shrink: int  # pixels of the picture a side of what goes in: 8, or 16 for SDXL
    widths: tuple[int, ...]
    hidden: tuple[int, ...]
    blocks: int  # residual blocks a level

    @property
    def light(self) -> bool:
        return self.widths != self.hidden

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> AdapterConfig:
        levels = len({name.split(".")[1] for name in shapes if name.startswith("body.")})
        inner = tuple(shapes[f"body.{n}.resnets.0.block1.weight"][0] for n in range(levels))
        light = "body.0.out_conv.weight" in shapes
        widths = tuple(shapes[f"body.{n}.out_conv.weight"][0] for n in range(levels)) if light else inner
        channels = shapes["body.0.in_conv.weight" if light else "conv_in.weight"][1]
        pixels = 1 if math.isqrt(channels) ** 2 == channels else 3
        blocks = len({n.split(".")[3] for n in shapes if n.startswith("body.0.resnets.")})
        return cls(pixels, math.isqrt(channels // pixels), widths, inner, blocks)

    def halves(self, level: int) -> bool:
        """Whether a level has half the size of the one before; SDXL has fewer of those."""
        return level == 2 if self.shrink == 16 else level > 0


class Adapter(nn.Module):
    def __init__(self, config: AdapterConfig):
        super().__init__()
        self.config = config
        channels = config.pixels * config.shrink**2
        if not config.light:
            self.conv_in = nn.Conv2d(channels, config.widths[0], 3, padding=1)
            channels = config.widths[0]
        befores = (channels, *config.widths)
        self.body = nn.ModuleList(Level(config, n, befores[n]) for n in range(len(config.widths)))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """x (b, i, H, W) in 0..1, sides multiples of `shrink` -> what to add at each level of the UNet."""
        x = functional.pixel_unshuffle(x, self.config.shrink)
        if not self.config.light:
            x = self.conv_in(x)
        features: list[Tensor] = []
        for level in self.body:
            x = level(x)
            features.append(x)
        return tuple(features)


class Level(nn.Module):
    def __init__(self, config: AdapterConfig, n: int, channels: int):
        super().__init__()
        width, hidden = config.widths[n], config.hidden[n]
        halve, enter = config.halves(n), config.light or channels != width
        self.downsample = nn.AvgPool2d(2, 2, ceil_mode=True) if halve else nn.Identity()
        self.in_conv = nn.Conv2d(channels, hidden, 1) if enter else nn.Identity()
        size = 3 if config.light else 1
        self.resnets = nn.Sequential(*(AdapterBlock(hidden, size) for _ in range(config.blocks)))
        self.out_conv = nn.Conv2d(hidden, width, 1) if config.light else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.out_conv(self.resnets(self.in_conv(self.downsample(x))))


class AdapterBlock(nn.Module):
    def __init__(self, channels: int, size: int):
        super().__init__()
        self.block1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.block2 = nn.Conv2d(channels, channels, size, padding=size // 2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block2(self.block1(x).relu())
