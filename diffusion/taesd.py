"""TAESD (Ollin Boer Bohan 2023, github.com/madebyollin/taesd): a tiny decoder of latents, for previews.

Letters: b batch, c channels, h w height and width.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion.header import ModelFileError
from diffusion.placement import Place, Resident
from diffusion.upsampling import doubled_convolution
from diffusion.weights import Weights, assemble, open_weights

WIDTH = 64
KEPT = 2  # decoders


class Bounded(nn.Module):
    """Between -3 and 3, softly."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    """Residual: three convolutions with ReLUs between them and one after the sum."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = (_convolution(WIDTH, WIDTH) for _ in range(3))
        self.conv = nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), third)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(self.conv(x).add_(x))


class Doubling(nn.Conv2d):
    """Each pixel becomes four equal ones, then a convolution without bias."""

    def __init__(self) -> None:
        super().__init__(WIDTH, WIDTH, 3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        return doubled_convolution(input, self.weight, None)


def _convolution(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1)


def decoder(channels: int) -> nn.Sequential:
    """x (b, c, h, w) as the denoising network sees it -> (b, 3, 8h, 8w), about 0..1.

    The layers are numbered as in the published files, which count the doubling of pixels as one of its own.
    """
    level = lambda: (Block(), Block(), Block(), nn.Identity(), Doubling())  # noqa: E731
    first = (Bounded(), _convolution(channels, WIDTH), nn.ReLU(inplace=True))
    return nn.Sequential(*first, *level(), *level(), *level(), Block(), _convolution(WIDTH, 3))


def load(path: Path, place: Place) -> Resident:
    """The decoder of a file; the last used ones are kept. Raises ModelFileError if the file is something else."""
    return _load(path, path.stat().st_mtime_ns, place)


@lru_cache(KEPT)
def _load(path: Path, changed: int, place: Place) -> Resident:
    weights = open_weights(path)
    tensors = {ours: t for theirs, t in weights.tensors.items() if (ours := _our_name(theirs))}
    first = tensors.get("1.weight")
    if first is None or first.dim() != 4:
        raise ModelFileError(f"{path.name} is no TAESD decoder; get the file of that name that its author publishes")
    mine = Weights(path, tensors, weights.forget)
    return Resident(assemble(lambda: decoder(first.shape[1]), mine, "TAESD decoder"), place, mine)


def _our_name(name: str) -> str | None:
    """The published name of a decoder's tensor; None for one of an encoder in the same file."""
    found = re.fullmatch(r"(?:decoder\.)?(layers\.)?(\d+)\.(.+)", name)
    if not found:
        return None
    counted = int(found[2]) + (found[1] is not None)  # diffusers' layers begin after the bounding
    return f"{counted}.{found[3]}"
