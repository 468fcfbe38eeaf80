"""The kinds of adapters, told by the parts of a layer's change."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from diffusion.adapters import dora, glora, loha, lokr, low_rank, orthogonal
from diffusion.adapters.low_rank import Parts
from diffusion.header import Shapes

Size = Callable[[Shapes], tuple[int, int | None]]


@dataclass(frozen=True)
class Kind:
    """needs: parts that it always has. size: rows of the weight it fits, and its elements (None: any number).

    change: (weight, parts, strength) -> the new weight, all in float32; it may be written into the old one.
    """

    name: str
    needs: frozenset[str]
    size: Size
    change: Callable[[Tensor, Parts, float], Tensor]

    def fits(self, parts: Shapes, weight: tuple[int, ...]) -> bool:
        """Whether parts of these shapes change a weight of this one."""
        try:
            rows, elements = self.size(parts)
        except (LookupError, ValueError):
            return False
        return rows == weight[0] and elements in (None, math.prod(weight))

    def made_for(self, parts: Shapes) -> str:
        """The size of the weight that the parts are for, in words."""
        try:
            rows, elements = self.size(parts)
        except (LookupError, ValueError):
            return "no weight"
        return f"{rows} x {elements // rows}" if elements and rows else f"{rows} rows"


Add = Callable[[Tensor, Parts, float], Tensor]


def _additive(name: str, needs: str, size: Size, rank: Callable[[Shapes], int], add: Add) -> Kind:
    """A kind that adds `strength * alpha / rank` times something; with lengths of its own it is a DoRA."""

    def change(weight: Tensor, parts: Parts, strength: float) -> Tensor:
        r = rank({part: tuple(t.shape) for part, t in parts.items()})
        scale = float(parts["alpha"]) / r if "alpha" in parts and r else 1.0
        if "dora_scale" in parts:
            return dora.decomposed(weight, add(weight.clone(), parts, scale), parts["dora_scale"], strength)
        return add(weight, parts, strength * scale)

    return Kind(name, frozenset(needs.split()), size, change)


def _full_size(shapes: Shapes) -> tuple[int, int]:
    return shapes["diff"][0], math.prod(shapes["diff"])


def _full(weight: Tensor, parts: Parts, scale: float) -> Tensor:
    return weight.add_(parts["diff"].view(weight.shape), alpha=scale)


KINDS = (
    _additive("LoRA", "up down", low_rank.size, low_rank.rank, low_rank.add),
    _additive("LoHa", "hada_w1_a hada_w1_b hada_w2_a hada_w2_b", loha.size, loha.rank, loha.add),
    _additive("LoKr", "lokr_w1", lokr.size, lokr.rank, lokr.add),
    _additive("LoKr", "lokr_w1_a lokr_w1_b", lokr.size, lokr.rank, lokr.add),
    _additive("GLoRA", "a1.weight a2.weight b1.weight b2.weight", glora.size, glora.rank, glora.add),
    Kind("OFT", frozenset(["oft_blocks"]), orthogonal.size, orthogonal.rotate),
    _additive("full difference", "diff", _full_size, lambda _: 0, _full),
)


def kind_of(parts: Shapes) -> Kind | None:
    """The kind that a layer's parts make; None if they make none."""
    return next((kind for kind in KINDS if kind.needs <= parts.keys()), None)
