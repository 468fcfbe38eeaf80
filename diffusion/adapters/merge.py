"""Merges: weights that are weighted sums of two models' weights. Computed when the result is used, from both files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from diffusion.model import Model
from diffusion.patches import Patch
from diffusion.placement import Resident
from diffusion.text import Clip

Shares = Callable[[str], tuple[float, float]]
"""The name of a weight -> the factors of the first and of the second network's."""


def shares(first: float, second: float) -> Shares:
    return lambda name: (first, second)


def by_block(ratios: Mapping[str, float]) -> Shares:
    """The first model's share of each weight: of the longest key that its name begins with; else the first value."""
    default = next(iter(ratios.values()))

    def of(name: str) -> tuple[float, float]:
        key = max((k for k in ratios if name.startswith(k)), key=len, default=None)
        ratio = default if key is None else ratios[key]
        return ratio, 1 - ratio

    return of


def models(first: Model, second: Model, of: Shares) -> Model:
    """The sum of two models; all but the weights is the first one's. Raises ValueError if no weight is in both."""
    names = (first.name or "the first model"), (second.name or "the second model")
    return replace(first, network=_sum(first.network, second.network, of, names))


def clips(first: Clip, second: Clip, of: Shares) -> Clip:
    """The sum of the text encoders; all else is the first one's. Raises ValueError if they have none in common."""
    others = {encoder.name: encoder for encoder in second.encoders}
    if not any(encoder.name in others for encoder in first.encoders):
        sides = (" and ".join(e.name for e in clip.encoders) for clip in (first, second))
        raise ValueError("clip1 is {}, clip2 is {}; only text encoders of one kind can be merged".format(*sides))
    merged = (
        replace(e, network=_sum(e.network, others[e.name].network, of, (f"clip1's {e.name}", f"clip2's {e.name}")))
        if e.name in others
        else e
        for e in first.encoders
    )
    return replace(first, encoders=tuple(merged))


def _sum(first: object, second: object, of: Shares, names: tuple[str, str]) -> Resident:
    if not isinstance(first, Resident) or not isinstance(second, Resident):
        raise ValueError(f"{names[0]} and {names[1]} cannot be merged: one of them has no weights")
    theirs = second.shapes
    common = [name for name, shape in first.shapes.items() if theirs.get(name) == shape]
    if not common:
        raise ValueError(f"{names[0]} and {names[1]} have no weight in common; only models of one family can be merged")
    rest = [name for name in first.shapes if theirs.get(name) != first.shapes[name]]
    if rest:
        warnings.warn(
            f"{len(common)} of {len(first.shapes)} weights of {names[0]} are merged with {names[1]}; the others, such "
            f"as {rest[0]} {first.shapes[rest[0]]}, are there {theirs.get(rest[0], 'missing')} and stay as they are",
            stacklevel=4,
        )
    return first.patched({name: (_patch(second, name, *of(name)),) for name in common if of(name) != (1.0, 0.0)})


def _patch(second: Resident, name: str, share: float, other: float) -> Patch:
    def change(weight: Tensor) -> Tensor:
        weight.mul_(share)
        return weight.add_(second.value(name, weight.device), alpha=other) if other else weight

    return Patch(("merge", share, other, *second.state(name)), change)
