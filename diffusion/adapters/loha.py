"""LoHa (Hyeon-Woo et al. 2022, "FedPara"): the change is the product, element by element, of two of low rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diffusion.adapters.low_rank import Parts
from diffusion.header import Shapes


def size(shapes: Shapes) -> tuple[int, int]:
    if "hada_t1" in shapes:
        rows, columns = shapes["hada_w1_a"][1], shapes["hada_w1_b"][1]
        return rows, rows * columns * math.prod(shapes["hada_t1"][2:])
    rows = shapes["hada_w1_a"][0]
    return rows, rows * shapes["hada_w1_b"][1]


def rank(shapes: Shapes) -> int:
    return shapes["hada_w1_b"][0]


def add(weight: Tensor, parts: Parts, scale: float) -> Tensor:
    """weight (out, in, ...) plus `scale` times the change, written into it."""
    first, second = (_factor(parts, i) for i in (1, 2))
    return weight.addcmul_(first.view(weight.shape), second.view(weight.shape), value=scale)


def _factor(parts: Parts, i: int) -> Tensor:
    a, b = parts[f"hada_w{i}_a"], parts[f"hada_w{i}_b"]
    if f"hada_t{i}" in parts:
        return torch.einsum("p q ..., p o, q i -> o i ...", parts[f"hada_t{i}"], a, b)
    return a @ b
