"""What the shapes of an upscaler say of it. Without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffusion.header import Shapes


@dataclass(frozen=True)
class RRDBConfig:
    in_channels: int  # of the picture
    out_channels: int
    features: int
    growth: int
    blocks: int
    doublings: int
    unshuffle: int = 1  # pixels of a square of this side become channels first
    plus: bool = False  # the 1 x 1 convolutions of ESRGAN+ (Rakotonirina & Rasoanaivo 2020)

    @property
    def scale(self) -> int:
        return max(1, 2**self.doublings // self.unshuffle)

    @property
    def activation(self) -> int:
        """Values that a call holds, a pixel of the picture."""
        trunk, top = 2 * (self.features + 4 * self.growth), 3 * self.features * 4**self.doublings
        return max(1, (trunk + top) // self.unshuffle**2)

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> RRDBConfig:
        """Of a file whose names are this module's. Raises LookupError where one is missing."""
        features, channels, *_ = shapes["conv_first.weight"]
        out = shapes["conv_last.weight"][0]
        side = math.isqrt(channels // out)
        unshuffle = side if side in (2, 4) and side**2 * out == channels else 1
        return cls(
            in_channels=channels // unshuffle**2,
            out_channels=out,
            features=features,
            growth=shapes["body.0.rdb1.conv1.weight"][0],
            blocks=1 + max(int(name.split(".")[1]) for name in shapes if name.startswith("body.")),
            doublings=sum(name.startswith("conv_up") and name.endswith(".weight") for name in shapes),
            unshuffle=unshuffle,
            plus="body.0.rdb1.conv1x1.weight" in shapes,
        )


@dataclass(frozen=True)
class CompactConfig:
    in_channels: int
    out_channels: int
    features: int
    convolutions: int  # between the first and the last
    scale: int

    @property
    def activation(self) -> int:
        """Values that a call holds, a pixel of the picture."""
        return 3 * self.features + 3 * self.out_channels * self.scale**2

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> CompactConfig:
        """Raises ValueError for a last layer that is no picture of any scale."""
        features, channels, *_ = shapes["body.0.weight"]
        last = max(int(name.split(".")[1]) for name in shapes if name.startswith("body."))
        values = shapes[f"body.{last}.weight"][0]
        out = next((c for c in (3, channels, 1) if values % c == 0 and math.isqrt(values // c) ** 2 == values // c), 0)
        if not out:
            raise ValueError(f"{values} values a pixel are no square of pixels")
        return cls(channels, out, features, (last - 2) // 2, math.isqrt(values // out))
