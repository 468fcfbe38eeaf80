"""SRVGG compact, Real-ESRGAN's small network: convolutions at the picture's own size, then a pixel shuffle.

Attribute names are those of BasicSR's files.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.upscaling.config import CompactConfig


class SRVGGNetCompact(nn.Module):
    def __init__(self, config: CompactConfig):
        super().__init__()
        self.config = config
        channels, f = config.in_channels, config.features
        self.body = nn.Sequential()
        for _ in range(config.convolutions + 1):
            self.body.append(nn.Conv2d(channels, f, 3, padding=1)).append(nn.PReLU(f))
            channels = f
        self.body.append(nn.Conv2d(f, config.out_channels * config.scale**2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """x (b, c, h, w) in 0..1 -> (b, c, h scale, w scale): what is added to the picture with its pixels repeated."""
        scale = self.config.scale
        repeated = x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        return F.pixel_shuffle(self.body(x), scale) + repeated
