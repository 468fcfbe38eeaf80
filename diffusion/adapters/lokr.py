"""LoKr (Edalati et al. 2022, "KronA"): the change is a Kronecker product, of whose factors each may be of low rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diffusion.adapters.low_rank import Parts
from diffusion.header import Shapes


def size(shapes: Shapes) -> tuple[int, int]:
    rows = elements = 1
    for i in (1, 2):
        whole, a, b = (shapes.get(f"lokr_w{i}{end}") for end in ("", "_a", "_b"))
        tucker = shapes.get("lokr_t2") if i == 2 else None
        if whole:
            high, wide = whole[0], math.prod(whole[1:])
        elif a and b:
            high, wide = a[1 if tucker else 0], b[1] * math.prod((tucker or ())[2:])
        else:
            return 0, 0
        rows, elements = rows * high, elements * high * wide
    return rows, elements


def rank(shapes: Shapes) -> int:
    """That of a factor that has one; 0 where both are whole, for then there is no scale."""
    return next((shapes[name][0] for name in ("lokr_w2_b", "lokr_w1_b") if name in shapes), 0)


def add(weight: Tensor, parts: Parts, scale: float) -> Tensor:
    """weight (out, in, ...) plus `scale` times the change, written into it."""
    first, second = _factor(parts, 1), _factor(parts, 2)
    if second.dim() > 2:
        first = first[(...,) + (None,) * (second.dim() - 2)]
    return weight.add_(torch.kron(first, second).view(weight.shape), alpha=scale)


def _factor(parts: Parts, i: int) -> Tensor:
    if f"lokr_w{i}" in parts:
        return parts[f"lokr_w{i}"]
    a, b = parts[f"lokr_w{i}_a"], parts[f"lokr_w{i}_b"]
    if i == 2 and "lokr_t2" in parts:
        return torch.einsum("p q ..., p o, q i -> o i ...", parts["lokr_t2"], a, b)
    return a @ b
