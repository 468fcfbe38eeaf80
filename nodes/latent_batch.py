"""Nodes that make batches of latents and take them apart."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.sockets import Latent

Count = Annotated[int, Range(1, 4096)]


@node("LatentBatch", category="latent/batch")
def latent_batch(*, samples1: Latent, samples2: Latent) -> Latent:
    """Both latents in one batch; the second is cropped and resized to the size of the first."""
    return diffusion.latent_batch.concat(samples1, samples2)


@node("LatentBatchSeedBehavior", category="latent/advanced")
def latent_batch_seed_behavior(
    *,
    samples: Latent,
    seed_behavior: Annotated[
        Literal["random", "fixed"], "fixed: all items get the same noise; random: each gets its own."
    ] = "fixed",
) -> Latent:
    """Say whether the items of a batch share their noise."""
    if seed_behavior == "fixed":
        return diffusion.latent_batch.share_noise(samples)
    return diffusion.latent_batch.vary_noise(samples)


@node("LatentFromBatch", category="latent/batch", display_name="Latent From Batch")
def latent_from_batch(
    *,
    samples: Latent,
    batch_index: Annotated[int, Range(0, 63), "The first item to take, counted from 0."] = 0,
    length: Annotated[int, Range(1, 64), "How many to take."] = 1,
) -> Latent:
    """Take some items out of a batch; they keep the noise that they would get in it."""
    return diffusion.latent_batch.pick(samples, batch_index, length)


@node("RepeatLatentBatch", category="latent/batch", display_name="Repeat Latent Batch")
def repeat_latent_batch(*, samples: Latent, amount: Annotated[int, Range(1, 64)] = 1) -> Latent:
    """The batch several times over."""
    return diffusion.latent_batch.repeat(samples, amount)


@node("RebatchLatents", category="latent/batch", display_name="Rebatch Latents")
def rebatch_latents(
    *,
    latents: list[Latent],
    batch_size: list[Count] = 1,  # pyright: ignore[reportArgumentType] -- shown as a number, given as a list
) -> list[Latent]:
    """Latents in batches of another size, as a list."""
    return diffusion.latent_batch.rebatch(latents, batch_size[0])
