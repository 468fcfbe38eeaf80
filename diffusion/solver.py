"""What all samplers share: their one convention, the steps of a schedule, and the noise scales of a step.

A sampler takes `denoise(x, sigma) -> x0`, the start x (b, c, h, w) and the descending sigmas (n + 1), and follows

    dx / dsigma = (x - x0) / sigma

or one of the stochastic equations with the same marginals. The equation is the same for models with x = x0 + sigma n
and for flow models, x = (1 - sigma) x0 + sigma n; only what adds noise must know the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusion.prediction import Prediction


class Denoise(Protocol):
    """The estimate of the clean latent."""

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x (b, c, h, w) at `sigma` (no dimensions) -> x0 (b, c, h, w), guided."""
        ...

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and the estimate from the negative conditioning alone, as CFG++ samplers need it."""
        ...


class OnStep(Protocol):
    def __call__(self, i: int, n: int, x0: Tensor) -> None:
        """Step `i` of `n` has the estimate `x0`. May raise, to end the run."""
        ...


# (denoise, x, sigmas, *, prediction, noise, on_step, **options) -> x
SamplerFunction = Callable[..., Tensor]


class Step(NamedTuple):
    i: int
    n: int
    sigma: float
    next: float
    at: Tensor  # sigma as the model is told it

    @property
    def ratio(self) -> float:
        return self.next / self.sigma


def steps(sigmas: Tensor) -> Iterator[Step]:
    """The steps of a schedule. Reads it from its device once."""
    levels: list[float] = sigmas.tolist()
    n = len(levels) - 1
    if min(levels[:-1], default=1) <= 0:
        raise ValueError("sigmas: a value before the last is not above zero; end the list at the first zero")
    for i in range(n):
        yield Step(i, n, levels[i], levels[i + 1], sigmas[i])


def linear(*terms: tuple[float, Tensor]) -> Tensor:
    """The sum of factor * tensor, with one allocation."""
    (factor, tensor), *rest = terms
    total = tensor * factor
    for factor, tensor in rest:
        total.add_(tensor, alpha=factor)
    return total


def slope(x: Tensor, x0: Tensor, sigma: float) -> Tensor:
    """dx / dsigma."""
    return torch.sub(x, x0).div_(sigma)


def toward(x: Tensor, x0: Tensor, ratio: float) -> Tensor:
    """x where its noise has shrunk to `ratio` of what it was, if x0 is right."""
    return linear((ratio, x), (1 - ratio, x0))


class Renoise(NamedTuple):
    """A step down to `down` and back up: x := scale * x + up * noise."""

    down: float
    scale: float
    up: float


def ancestral(sigma: float, sigma_next: float, eta: float, *, flow: bool = False) -> Renoise:
    """How far beyond `sigma_next` to go and how much noise to add again; eta 0 is deterministic, 1 as in DDPM."""
    if flow:
        return _ancestral_flow(sigma, sigma_next, eta)
    up = min(sigma_next, eta * sigma_next * math.sqrt(max(1 - (sigma_next / sigma) ** 2, 0)))
    return Renoise(math.sqrt(sigma_next**2 - up**2), 1.0, up)


def _ancestral_flow(sigma: float, sigma_next: float, eta: float) -> Renoise:
    down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
    scale = (1 - sigma_next) / (1 - down)
    return Renoise(down, scale, math.sqrt(max(sigma_next**2 - (down * scale) ** 2, 0)))


class LogSnr(NamedTuple):
    """Half the logarithm of the signal-to-noise ratio, lambda = log(alpha / sigma): the time of exponential solvers."""

    flow: bool

    def of(self, sigma: float) -> float:
        if sigma <= 0:
            return math.inf
        return math.log1p(-sigma) - math.log(sigma) if self.flow else -math.log(sigma)

    def sigma(self, value: float) -> float:
        return 1 / (1 + math.exp(value)) if self.flow else math.exp(-value)

    def alpha(self, sigma: float) -> float:
        return 1 - sigma if self.flow else 1.0


def finite_start(sigmas: Tensor, prediction: Prediction) -> Tensor:
    """A flow model begins at sigma 1, where there is no signal and its logarithm is infinite: begin a bit further."""
    if not prediction.flow or len(sigmas) < 2 or sigmas[0] < 1:
        return sigmas
    return torch.cat([sigmas.new_tensor([prediction.percent_to_sigma(1e-4)]), sigmas[1:]])
