"""GLoRA (Chavan et al. 2023): W + s (W A + B), both of low rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diffusion.adapters.low_rank import Parts
from diffusion.header import Shapes


def size(shapes: Shapes) -> tuple[int, int]:
    up, down = ("b2.weight", "b1.weight") if _old(shapes) else ("b1.weight", "b2.weight")
    return shapes[up][0], shapes[up][0] * math.prod(shapes[down][1:])


def rank(shapes: Shapes) -> int:
    return min(shapes["a1.weight"][:2])


def _old(shapes: Shapes) -> bool:
    """Whether the second matrices of the products are named as the first, as LyCORIS had it before version 2."""
    rows, columns = shapes["a1.weight"][:2]
    return rows < columns


def add(weight: Tensor, parts: Parts, scale: float) -> Tensor:
    """weight (out, in, ...) plus `scale` times the change, written into it."""
    a1, a2, b1, b2 = (parts[f"{name}.weight"].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    if _old({name: tuple(t.shape) for name, t in parts.items()}):
        a1, a2, b1, b2 = a2, a1, b2, b1
    changed = torch.einsum("o i ..., i j -> o j ...", weight, a1 @ a2)
    return weight.add_(changed + (b1 @ b2).view(weight.shape), alpha=scale)
