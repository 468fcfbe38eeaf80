"""Noise from a seed: the start of a run, the steps of stochastic samplers, and the handle of NOISE sockets.

Everything is drawn by generators made here from the seed, on the CPU unless said otherwise, so that a seed means one
picture everywhere; the global generator is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

Draw = Callable[[float, float], Tensor]  # (from sigma, to sigma) -> unit normal noise of the latent's shape


def generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator; seeds run from 0 to 2**64 - 1."""
    return torch.Generator(device).manual_seed(seed)


def batch_noise(shape: Sequence[int], seed: int, batch_index: Sequence[int] | None = None) -> Tensor:
    """Unit normal noise (b, ...) in float32 on the CPU.

    Without `batch_index` the batch is one draw. With it, items 0, 1, 2, ... are drawn one after the other and item k of
    the result is number `batch_index[k]`, repeated where an index is. The two agree only where the elements of an item
    are a multiple of 16 (torch fills 16 at a time), and saved pictures depend on either, so both stay.
    """
    source = generator(seed)
    if batch_index is None:
        return torch.randn(tuple(shape), generator=source)
    if len(batch_index) != shape[0]:
        raise ValueError(
            f"batch_index has {len(batch_index)} entries for a batch of {shape[0]}; give one for each item"
        )
    wanted = set(batch_index)
    if min(wanted, default=0) < 0:
        raise ValueError(f"batch_index holds {min(wanted)}; indices count from 0")
    items: dict[int, Tensor] = {}
    for index in range(max(wanted, default=-1) + 1):
        item = torch.randn((1, *shape[1:]), generator=source)
        if index in wanted:
            items[index] = item
    return torch.cat([items[i] for i in batch_index]) if items else torch.empty(tuple(shape))


@dataclass(frozen=True)
class Noise:
    """What a NOISE socket carries: the seed of a run, and whether noise is added to its latent at all."""

    seed: int
    add: bool = True

    def of(self, samples: Tensor, batch_index: Sequence[int] | None = None) -> Tensor:
        """The noise for a latent (b, c, h, w), on the CPU; zeros where none is to be added."""
        if not self.add:
            return torch.zeros(samples.shape)
        return batch_noise(samples.shape, self.seed, batch_index)


@dataclass(frozen=True)
class NoiseSource:
    """Where the samplers of one run take their noise from. Each call starts anew from the seed."""

    seed: int

    def normal(self, like: Tensor) -> Draw:
        """Independent draws, on the device of `like`. The first repeats the start noise of a run on the CPU, as the
        standard's ancestral samplers do; old pictures depend on it."""
        source = generator(self.seed, like.device)

        def draw(sigma: float, sigma_next: float) -> Tensor:
            return torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=source)

        return draw

    def after_start(self, like: Tensor) -> Callable[[Tensor], Tensor]:
        """Independent draws in the shape of what is given, on the CPU, after the start noise of a run on `like`."""
        source = generator(self.seed)
        torch.randn(like.shape, generator=source)
        return lambda x: torch.randn(x.shape, generator=source).to(x)

    def brownian(self, like: Tensor, sigmas: Sequence[float], *, on_device: bool = False) -> Draw:
        """Scaled increments of one Brownian path over the sigmas: neighbouring steps fit together, so that more steps
        refine the same path (the virtual Brownian tree of Li et al. 2020). The path lives on the CPU, or with
        `on_device` where `like` is: faster there, but another path than the CPU's."""
        import torchsde  # takes a second to import, and most runs do without

        start = torch.zeros_like(like, device=like.device if on_device else "cpu")
        low, high = min((s for s in sigmas if s > 0), default=0), max(sigmas, default=0)
        tree = cast(Any, torchsde).BrownianTree(t0=low, w0=start, t1=high, entropy=self.seed) if low < high else None

        def draw(sigma: float, sigma_next: float) -> Tensor:
            if tree is None:
                raise ValueError("a Brownian path needs two different sigmas above zero")
            a, b = sorted((sigma, sigma_next))
            increment = tree(round(a, 6), round(b, 6)).to(like.device)  # as the tree would, but within its ends
            return increment * ((1 if sigma < sigma_next else -1) / (b - a) ** 0.5)

        return draw
