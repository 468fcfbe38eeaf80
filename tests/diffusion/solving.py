"""Denoisers in closed form, and a run of one sampler on them: what the tests of samplers share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from diffusion.noise import NoiseSource
from diffusion.samplers import SAMPLERS

if TYPE_CHECKING:
    from diffusion.prediction import Prediction


@dataclass(frozen=True)
class Gaussian:
    """The ideal denoiser of data from N(mean, scale^2), and the exact solution of its probability flow."""

    mean: float = 0.0
    scale: float = 0.5
    flow: bool = False

    def alpha(self, sigma: Tensor) -> Tensor:
        return 1 - sigma if self.flow else torch.ones_like(sigma)

    def variance(self, sigma: Tensor) -> Tensor:
        return (self.alpha(sigma) * self.scale) ** 2 + sigma**2

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        a = self.alpha(sigma)
        return self.mean + a * self.scale**2 / self.variance(sigma) * (x - a * self.mean)

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        x0 = self(x, sigma)
        return x0, x0

    def solution(self, x: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """x at `start`, taken to `end`."""
        shrink = (self.variance(end) / self.variance(start)).sqrt()
        return self.alpha(end) * self.mean + shrink * (x - self.alpha(start) * self.mean)


@dataclass(frozen=True)
class Mixture:
    """The ideal denoiser of two equally likely Gaussians at mean + 1 and mean - 1, guided away from another mean."""

    mean: float = 0.3
    negative: float = -0.2
    cfg: float = 3.0
    flow: bool = False

    def one(self, x: Tensor, sigma: Tensor, mean: float) -> Tensor:
        a = 1 - sigma if self.flow else torch.ones_like(sigma)
        v = (a / 2) ** 2 + sigma**2
        left, right = x - a * (mean - 1), x - a * (mean + 1)
        w = torch.sigmoid((left**2 - right**2) / (2 * v))
        return w * (mean + 1 + a / 4 / v * right) + (1 - w) * (mean - 1 + a / 4 / v * left)

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        negative = self.one(x, sigma, self.negative)
        return torch.lerp(negative, self.one(x, sigma, self.mean), self.cfg), negative

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.both(x, sigma)[0]


@dataclass(frozen=True)
class _Scale:
    """As much of a prediction as samplers ask for."""

    flow: bool

    def percent_to_sigma(self, percent: float) -> float:
        return 1 - percent if self.flow else 10 * (0.03 / 10) ** percent

    def add_noise(self, latent: Tensor, noise: Tensor, sigma: Tensor, max_denoise: bool) -> Tensor:
        assert not max_denoise, "samplers add noise in the middle of a run"
        return torch.lerp(latent, noise, sigma) if self.flow else latent + sigma * noise


def scale(flow: bool) -> Prediction:
    return cast("Prediction", _Scale(flow))


def schedule(n: int, start: float = 10.0, end: float = 1.0, *, zero: bool = False) -> Tensor:
    """n steps from `start` to `end`, even in log sigma; `zero` adds one more, to 0."""
    levels = torch.logspace(math.log10(start), math.log10(end), n + 1, dtype=torch.float64)
    return torch.cat([levels, torch.zeros(1, dtype=torch.float64)]) if zero else levels


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def start_of(sigmas: Tensor, *shape: int, flow: bool = False) -> Tensor:
    return normal(*shape, seed=1) * (sigmas[0] if flow else (1 + sigmas[0] ** 2) ** 0.5)


def solve(
    name: str, denoise: Any, x: Tensor, sigmas: Tensor, *, flow: bool = False, seed: int = 0, **options: Any
) -> Tensor:
    """One run, without reports."""

    def on_step(i: int, n: int, x0: Tensor) -> None: ...

    return SAMPLERS[name](
        denoise, x, sigmas, prediction=scale(flow), noise=NoiseSource(seed), on_step=on_step, **options
    )


ODD: Sequence[str] = ("dpm_fast", "dpm_adaptive")  # go to the last sigma above 0, at times of their own
