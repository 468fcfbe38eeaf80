"""Changes to a list of sigmas (n,)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

NEVER_ZERO = 0.0001
"""What a flipped list begins with instead of 0, which no sampler can leave."""

SPACINGS = {
    "linear": lambda x: x,
    "cosine": lambda x: (x * math.pi / 2).sin(),
    "sine": lambda x: 1 - (x * math.pi / 2).cos(),
}


def split(sigmas: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """The steps before and after; the sigma between is in both."""
    return sigmas[: step + 1], sigmas[step:]


def split_denoise(sigmas: Tensor, denoise: float) -> tuple[Tensor, Tensor]:
    """The last share `denoise` of the steps is the second; a second of no steps leaves the first empty."""
    last = round(max(len(sigmas) - 1, 0) * denoise)
    return sigmas[: len(sigmas) - last] if last else sigmas[:0], sigmas[-(last + 1) :]


def flip(sigmas: Tensor) -> Tensor:
    """From the picture to noise."""
    flipped = sigmas.flip(0)
    if len(flipped) and flipped[0] == 0:
        flipped[0] = NEVER_ZERO
    return flipped


def with_first(sigmas: Tensor, sigma: float) -> Tensor:
    """The list with another start."""
    changed = sigmas.clone()
    changed[:1] = sigma
    return changed


def extend(sigmas: Tensor, steps: int, start: float, end: float, spacing: str) -> Tensor:
    """Each step from a sigma between `start` (below 0: no limit) and `end` becomes `steps` steps."""
    start = math.inf if start < 0 else start
    parts = SPACINGS[spacing](torch.arange(1, steps) / steps)
    pieces = list(sigmas.split(1))
    for i, (high, low) in enumerate(pairwise(sigmas)):
        if end <= high <= start:
            pieces[i] = torch.cat([high[None], torch.lerp(high, low, parts)])
    return torch.cat(pieces)


def written(values: Sequence[float]) -> Tensor:
    """A list as it is given. Raises ValueError if it is empty."""
    if not values:
        raise ValueError("there is no number in the list of sigmas: write at least one, such as 1, 0.5, 0")
    return torch.tensor(values, dtype=torch.float32)
