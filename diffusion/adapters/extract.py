"""From a difference of two models to an adapter: the best approximation of each weight by one of low rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from diffusion.model import Model
from diffusion.placement import Resident
from diffusion.tensor_files import Stored
from diffusion.text import Clip

KEPT = torch.float16
"""The type of an adapter's tensors."""


def low_rank(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """weight (out, in, ...) -> up (out, r), down (r, in, ...), whose product is the nearest to it (Eckart-Young 1936).

    For convolutions larger than one pixel `up` is one of one pixel, (out, r, 1, 1).
    """
    matrix = weight.flatten(1).double()
    wide = matrix.shape[0] <= matrix.shape[1]
    # the singular vectors of the shorter side; the other's follow from them
    values, vectors = torch.linalg.eigh(matrix @ matrix.mT if wide else matrix.mT @ matrix)
    r = min(rank, *weight.shape[:2])
    side = vectors[:, -r:].flip(1)
    other = side.mT @ matrix if wide else matrix @ side
    singular = values[-r:].flip(0).clamp(min=0).sqrt()
    found = singular > 1e-6 * singular[0]  # the rest is rounding
    half = torch.where(found, singular.sqrt(), 0)  # of each singular value to either side
    rest = torch.where(found, half.reciprocal(), 0)
    up, down = (side * half, other * rest[:, None]) if wide else (other * rest, side.mT * half[:, None])
    ones = [1] * (weight.dim() - 2)
    return up.view(-1, r, *ones).float(), down.view(r, *weight.shape[1:]).float()


class _Pair:
    """The two matrices of one weight, computed when the first of them is read."""

    def __init__(self, read: Callable[[], Tensor], rank: int):
        self._read, self._rank = read, rank

    @cached_property
    def both(self) -> tuple[Tensor, Tensor]:
        return low_rank(self._read(), self._rank)


def adapter(model: Model | None, clip: Clip | None, rank: int, *, full: bool, biases: bool) -> dict[str, Stored]:
    """The tensors of an adapter whose change is what `model` and `clip` hold: differences of models.

    full: keep the differences as they are, whatever the rank. biases: keep those of biases and norms too.
    """
    found: dict[str, Stored] = {}
    for prefix, network in _networks(model, clip):
        for name, shape in network.shapes.items():
            layer, _, kind = name.rpartition(".")
            if kind == "weight":
                found |= _weight(network, name, f"{prefix}{layer}", shape, 0 if full else rank, biases)
            elif biases and kind == "bias":
                found[f"{prefix}{layer}.diff_b"] = Stored(KEPT, shape, _value(network, name))
    return found


def _networks(model: Model | None, clip: Clip | None) -> Iterator[tuple[str, Resident]]:
    if model and isinstance(model.network, Resident):
        yield "diffusion_model.", model.network
    for encoder in clip.encoders if clip else ():
        if isinstance(encoder.network, Resident):
            yield f"text_encoders.{encoder.name}.transformer.", encoder.network


def _weight(
    network: Resident, name: str, layer: str, shape: tuple[int, ...], rank: int, biases: bool
) -> dict[str, Stored]:
    read = _value(network, name)
    if not rank or len(shape) < 2:
        return {f"{layer}.diff": Stored(KEPT, shape, read)} if not rank or biases else {}
    pair, r, ones = _Pair(read, rank), min(rank, *shape[:2]), (1,) * (len(shape) - 2)
    return {
        f"{layer}.lora_up.weight": Stored(KEPT, (shape[0], r, *ones), lambda: pair.both[0]),
        f"{layer}.lora_down.weight": Stored(KEPT, (r, *shape[1:]), lambda: pair.both[1]),
    }


def _value(network: Resident, name: str) -> Callable[[], Tensor]:
    return lambda: network.value(name)
