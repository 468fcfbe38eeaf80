"""Nodes that say where the noise of a run comes from."""

from __future__ import annotations

import diffusion
from executor.node import Seed, node
from nodes.sockets import Noise


@node("RandomNoise", category="sampling/custom_sampling/noise")
def random_noise(*, noise_seed: Seed = 0) -> Noise:
    """Noise from a seed; the same seed is the same noise on every machine."""
    return diffusion.noise.Noise(noise_seed)


@node("DisableNoise", category="sampling/custom_sampling/noise")
def disable_noise() -> Noise:
    """No noise: the latent is sampled as it is, for instance because it still holds noise."""
    return diffusion.noise.Noise(0, add=False)
