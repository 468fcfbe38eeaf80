"""The autoencoder of latent diffusion (Rombach et al. 2022). Names of parameters are those of the checkpoints.

Letters: b batch, c channels, h w height and width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from diffusion.recomputing import ActivatedNorm
from diffusion.upsampling import doubled_convolution

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class VaeConfig:
    encoder: tuple[int, ...]  # channels of each level, the finest first
    decoder: tuple[int, ...]
    encoder_blocks: int  # a level
    decoder_blocks: int
    latent: int  # channels of the latent
    inner: int  # channels that the coder works with, before or after the 1x1 convolution
    quant: bool  # whether there are those convolutions

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> VaeConfig:
        """Read from the shapes of a file, by our names."""
        inner = shapes["decoder.conv_in.weight"][1]
        quant = "post_quant_conv.weight" in shapes
        return cls(
            encoder=_widths(shapes, "encoder.down"),
            decoder=_widths(shapes, "decoder.up"),
            encoder_blocks=_count(shapes, r"encoder\.down\.0\.block"),
            decoder_blocks=_count(shapes, r"decoder\.up\.0\.block"),
            latent=shapes["post_quant_conv.weight"][1] if quant else inner,
            inner=inner,
            quant=quant,
        )

    @property
    def factor(self) -> int:
        """Pixels an element of the latent."""
        return 2 ** (len(self.encoder) - 1)


def _count(shapes: Shapes, pattern: str) -> int:
    found = (re.match(pattern + r"\.(\d+)\.", name) for name in shapes)
    return 1 + max(int(n[1]) for n in found if n)


def _widths(shapes: Shapes, name: str) -> tuple[int, ...]:
    levels = _count(shapes, re.escape(name))
    return tuple(shapes[f"{name}.{i}.block.0.conv2.weight"][0] for i in range(levels))


def _norm(channels: int) -> ActivatedNorm:
    return ActivatedNorm(32, channels, eps=1e-6)


class Block(nn.Module):
    """Residual: two convolutions, each after normalisation and SiLU."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.norm1, self.conv1 = _norm(before), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = _norm(after), nn.Conv2d(after, after, 3, padding=1)
        if before != after:
            self.nin_shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.norm1(x))
        y = self.conv2(self.norm2(y))
        return y.add_(self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Attention(nn.Module):
    """Every place attends to all places, with one head."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        # contiguous, else every place's attention to all others is held at once
        q, k, v = (p(y).flatten(2).mT[:, None].contiguous() for p in (self.q, self.k, self.v))  # b 1 hw c
        y = functional.scaled_dot_product_attention(q, k, v)
        return self.proj_out(y[:, 0].mT.reshape(x.shape)).add_(x)


class Middle(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.block_1, self.block_2 = Block(channels, channels), Block(channels, channels)
        self.attn_1 = Attention(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class Resize(nn.Module):
    """The convolution that halves the size, or that follows its doubling."""

    def __init__(self, channels: int, *, halve: bool):
        super().__init__()
        self.halve = halve
        self.conv = nn.Conv2d(channels, channels, 3, stride=2) if halve else nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.halve:
            return self.conv(functional.pad(x, (0, 1, 0, 1)))  # on the right and below only
        return doubled_convolution(x, self.conv.weight, self.conv.bias)


class Level(nn.Module):
    """The blocks of one size; resize: how the way to the next size is called, empty for none."""

    def __init__(self, before: int, after: int, blocks: int, resize: Literal["", "downsample", "upsample"]):
        super().__init__()
        self.resize = resize
        self.block = nn.ModuleList(Block(after if i else before, after) for i in range(blocks))
        if resize:
            self.add_module(resize, Resize(after, halve=resize == "downsample"))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        return self.get_submodule(self.resize)(x) if self.resize else x


class Encoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        widths = (c.encoder[0], *c.encoder)
        last = len(c.encoder) - 1
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            Level(before, after, c.encoder_blocks, "downsample" if i < last else "")
            for i, (before, after) in enumerate(pairwise(widths))
        )
        self.mid = Middle(widths[-1])
        self.norm_out, self.conv_out = _norm(widths[-1]), nn.Conv2d(widths[-1], 2 * c.inner, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(self.norm_out(self.mid(x)))


class Decoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        widths = (*c.decoder, c.decoder[-1])
        self.conv_in = nn.Conv2d(c.inner, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1])
        self.up = nn.ModuleList(  # the finest first, as in the checkpoints
            Level(before, after, c.decoder_blocks, "upsample" if i else "")
            for i, (after, before) in enumerate(pairwise(widths))
        )
        self.norm_out, self.conv_out = _norm(widths[0]), nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(self.norm_out(x))


class Autoencoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        self.encoder, self.decoder = Encoder(c), Decoder(c)
        if c.quant:
            self.quant_conv = nn.Conv2d(2 * c.inner, 2 * c.latent, 1)
            self.post_quant_conv = nn.Conv2d(c.latent, c.inner, 1)
        self.quant = c.quant
        self.latent, self.factor = c.latent, c.factor

    def encode(self, x: Tensor) -> Tensor:
        """x (b, 3, h, w) in -1..1 -> the mean of the latent's distribution (b, c, h/8, w/8).

        The mean and no sample of it: the spread is that of a rounding error, and so a picture has one latent.
        """
        return self.moments(x)[0]

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of the latent's distribution, and the logarithm of its variance, (b, c, h/8, w/8) each."""
        y = self.encoder(x)
        mean, log_variance = (self.quant_conv(y) if self.quant else y).chunk(2, 1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """z (b, c, h, w) -> (b, 3, 8h, 8w), about -1..1."""
        return self.decoder(self.post_quant_conv(z) if self.quant else z)
