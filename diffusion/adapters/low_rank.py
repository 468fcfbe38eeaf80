"""LoRA (Hu et al. 2021) and LoCon, the same for convolutions: W + s B A, B (out, r), A (r, in)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from diffusion.header import Shapes

Parts = Mapping[str, Tensor]


def size(shapes: Shapes) -> tuple[int, int]:
    """The rows and the elements of the weight that the parts are for."""
    rows, (rank, *rest) = shapes["up"][0], shapes["down"]
    if "mid" in shapes:
        rest = [*rest, *shapes["mid"][2:]]
    return rows, rows * math.prod(rest) if shapes["up"][1] == rank else 0


def rank(shapes: Shapes) -> int:
    return shapes["down"][0]


def add(weight: Tensor, parts: Parts, scale: float) -> Tensor:
    """weight (out, in, ...) plus `scale` times the change, written into it."""
    up, down = parts["up"].flatten(1), parts["down"].flatten(1)
    if "mid" in parts:  # Tucker's decomposition: a small convolution between two matrices
        return weight.add_(torch.einsum("o p, p q ..., q i -> o i ...", up, parts["mid"], down), alpha=scale)
    weight.view(len(weight), -1).addmm_(up, down, alpha=scale)
    return weight
