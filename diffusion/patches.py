"""Changes of weights: what adapters and merges are. Nothing is computed before the network is used."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Patch:
    """One change of one weight.

    key: patches with the same key do the same. change: the weight in float32, contiguous -> the new one, of the same
    shape; it may write into what it is given, and return that. nbytes: what the change keeps in memory.
    """

    key: Hashable
    change: Callable[[Tensor], Tensor] = field(compare=False)
    nbytes: int = field(default=0, compare=False)


Patches = Mapping[str, tuple[Patch, ...]]
"""The changes of a network's weights by their names, the first one first."""


def then(first: Patches, second: Patches) -> Patches:
    """Both, one after the other."""
    return {name: (*first.get(name, ()), *second.get(name, ())) for name in {**first, **second}}


def nbytes(patches: Patches) -> int:
    return sum(patch.nbytes for chain in patches.values() for patch in chain)


@torch.no_grad()
def change(weight: Tensor, chain: tuple[Patch, ...]) -> Tensor:
    """The weight after all changes, which may be written into `weight`: float32, contiguous."""
    for patch in chain:
        weight = patch.change(weight)
    return weight


def changed(weight: Tensor, chain: tuple[Patch, ...]) -> Tensor:
    """The weight after all changes, in float32; `weight`, of any type, stays as it is."""
    if not chain:
        return weight.float()
    return change(weight.to(torch.float32, copy=True, memory_format=torch.contiguous_format), chain)
