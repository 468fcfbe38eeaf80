"""What a network predicts, and how x, sigma and x0 relate: one `Prediction` a model.

x = x0 + sigma n for most models (variance exploding), x = (1 - sigma) x0 + sigma n for flow models. All in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion.sigma_space import Angular, Cosine, Discrete, Flow, LogUniform, RationalFlow, SigmaSpace, cosine_sigma

LCM_STEPS = 50
"""How many of the thousand timesteps a latent consistency model was distilled at (Luo et al. 2023)."""

ZERO_SNR_SIGNAL = 4.8973451890853435e-08
"""What the last timestep keeps of the signal where its SNR should be zero, so that its sigma is finite."""

EDM = {
    "v_prediction": ("v", 1.0),
    "edm": ("edm", 0.5),
    "edm_playground_v2.5": ("edm", 0.5),
    "eps": ("eps", 1.0),
    "cosmos_rflow": ("cosmos_rflow", 1.0),
}
"""Samplings of models at any sigma: what they predict, and the standard deviation of the data they were trained for."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """How a network's output becomes x0, on a scale of sigmas. `data` is the standard deviation of its data."""

    kind: str  # a key of KINDS
    space: SigmaSpace
    data: float = 1.0

    @property
    def flow(self) -> bool:
        """Whether x = (1 - sigma) x0 + sigma n, not x0 + sigma n."""
        return self.kind == "flow"

    @property
    def sigmas(self) -> Tensor:
        """The table of sigmas (n,), ascending."""
        return self.space.sigmas

    @property
    def sigma_min(self) -> float:
        return self.space.sigma_min

    @property
    def sigma_max(self) -> float:
        return self.space.sigma_max

    def timestep(self, sigma: Tensor) -> Tensor:
        """What the network is told at `sigma`, of any shape."""
        return self.space.timestep(sigma)

    def sigma(self, timestep: Tensor) -> Tensor:
        """The sigma at a timestep, of any shape."""
        return self.space.sigma(timestep)

    def percent_to_sigma(self, percent: float) -> float:
        """Sigma after `percent` (0..1) of the timesteps; from the first step on at 0, never at 1."""
        return self.space.percent_to_sigma(percent)

    def scale_input(self, x: Tensor, sigma: Tensor) -> Tensor:
        """What the network is fed: x (b, ...) at sigma (b,) brought to unit variance where it expects that."""
        return KINDS[self.kind].scale(x, _spread(sigma, x), self.data)

    def to_x0(self, output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """The network's output at x (b, ...), sigma (b,) as an estimate of x0."""
        if self.kind == "lcm":
            return _consistent(output, x, _spread(sigma, x), _spread(self.timestep(sigma), x))
        return KINDS[self.kind].x0(output, x, _spread(sigma, x), self.data)

    def target(self, x0: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        """What the network should answer at x0 (b, ...) with `noise` at sigma (b,): `to_x0` of it is x0.

        Raises ValueError for models that are not trained by one answer.
        """
        kind = KINDS[self.kind]
        if kind.target is None:
            raise ValueError(f"a model of the kind {self.kind!r} cannot be trained this way; take its base model")
        return kind.target(x0, noise, _spread(sigma, x0), self.data)

    def add_noise(self, latent: Tensor, noise: Tensor, sigma: Tensor | float, max_denoise: bool) -> Tensor:
        """x at `sigma`. With `max_denoise` the run starts at the end of the scale, where x has the variance that the
        network saw there, signal included, whatever the latent is."""
        if self.flow:
            return sigma * noise + (1 - sigma) * latent
        if max_denoise and KINDS[self.kind].starts_full:
            return latent + noise * (1.0 + sigma**2) ** 0.5
        return latent + noise * sigma

    def remove_scale(self, latent: Tensor, sigma: Tensor | float) -> Tensor:
        """The latent at the end of a run that stopped at `sigma`, so that `add_noise` with no noise takes it back."""
        return latent / (1 - sigma) if self.flow else latent


# --- what networks predict -----------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    scale: Callable[[Tensor, Tensor, float], Tensor]  # (x, sigma, data) -> input
    x0: Callable[[Tensor, Tensor, Tensor, float], Tensor]  # (output, x, sigma, data) -> x0
    target: Callable[[Tensor, Tensor, Tensor, float], Tensor] | None = None  # (x0, noise, sigma, data) -> output
    starts_full: bool = True


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(values.shape[:1] + (1,) * (like.dim() - 1))


def _unit(x: Tensor, sigma: Tensor, data: float) -> Tensor:
    return x / (sigma**2 + data**2).sqrt()


def _as_it_is(x: Tensor, sigma: Tensor, data: float) -> Tensor:
    return x


def _eps(output: Tensor, x: Tensor, sigma: Tensor, data: float) -> Tensor:
    return x - output * sigma


def _v(output: Tensor, x: Tensor, sigma: Tensor, data: float) -> Tensor:
    total = sigma**2 + data**2
    return x * (data**2 / total) - output * (sigma * data / total.sqrt())


def _edm(output: Tensor, x: Tensor, sigma: Tensor, data: float) -> Tensor:
    total = sigma**2 + data**2
    return x * (data**2 / total) + output * (sigma * data / total.sqrt())


def _direct(output: Tensor, x: Tensor, sigma: Tensor, data: float) -> Tensor:
    return output


def _consistent(output: Tensor, x: Tensor, sigma: Tensor, timestep: Tensor) -> Tensor:
    """Boundary conditions of a consistency model (Song et al. 2023), timesteps scaled by 10 (Luo et al. 2023)."""
    data, time = 0.5, timestep * 10
    total = time**2 + data**2
    return (time / total.sqrt()) * (x - output * sigma) + (data**2 / total) * x


def _unit_flow(x: Tensor, sigma: Tensor, data: float) -> Tensor:
    return x / (1 + sigma)


def _rational(output: Tensor, x: Tensor, sigma: Tensor, data: float) -> Tensor:
    """A flow network on the exploding scale: its time is sigma / (1 + sigma), and x / (1 + sigma) its x."""
    return (x - sigma * output) / (1 + sigma)


def _noise(x0: Tensor, noise: Tensor, sigma: Tensor, data: float) -> Tensor:
    return noise


def _velocity(x0: Tensor, noise: Tensor, sigma: Tensor, data: float) -> Tensor:
    return (noise * data - x0 * (sigma / data)) / (sigma**2 + data**2).sqrt()


def _edm_target(x0: Tensor, noise: Tensor, sigma: Tensor, data: float) -> Tensor:
    return -_velocity(x0, noise, sigma, data)


def _difference(x0: Tensor, noise: Tensor, sigma: Tensor, data: float) -> Tensor:
    return noise - x0


def _clean(x0: Tensor, noise: Tensor, sigma: Tensor, data: float) -> Tensor:
    return x0


KINDS: dict[str, Kind] = {
    "eps": Kind(_unit, _eps, _noise),  # Ho et al. 2020
    "v": Kind(_unit, _v, _velocity),  # Salimans & Ho 2022
    "edm": Kind(_unit, _edm, _edm_target),  # Karras et al. 2022
    "x0": Kind(_unit, _direct, _clean),
    "img_to_img": Kind(_as_it_is, _direct),
    "lcm": Kind(_unit, _eps),
    "flow": Kind(_as_it_is, _eps, _difference),  # Liu et al. 2022: the output is n - x0
    "cosmos_rflow": Kind(_unit_flow, _rational, _difference, starts_full=False),
}


# --- the scales of known models ------------------------------------------------------------------


BETAS = (0.00085, 0.012)


def stable_diffusion_sigmas(*, zero_snr: bool = False, betas: tuple[float, float] = BETAS) -> Tensor:
    """Sigmas of the thousand timesteps of Stable Diffusion 1 and 2, ascending, in float64.

    betas: of the first and of the last timestep.
    zero_snr: rescaled so that the last timestep keeps (almost) nothing of the signal (Lin et al. 2024).
    """
    table = torch.linspace(betas[0] ** 0.5, betas[1] ** 0.5, 1000, dtype=torch.float64) ** 2
    signal = torch.cumprod(1 - table, 0)
    if zero_snr:
        root = signal.sqrt()
        signal = ((root - root[-1]) * (root[0] / (root[0] - root[-1]))) ** 2
        signal[-1] = ZERO_SNR_SIGNAL
    return ((1 - signal) / signal).sqrt()


def discrete(kind: str, *, zero_snr: bool = False, betas: tuple[float, float] = BETAS) -> Prediction:
    """A model of Stable Diffusion's thousand timesteps; kind: eps, v, x0, lcm or img_to_img."""
    skip = 1000 // LCM_STEPS if kind == "lcm" else 1
    sigmas = stable_diffusion_sigmas(zero_snr=zero_snr, betas=betas)[skip - 1 :: skip]
    return Prediction(kind, Discrete(sigmas.float(), sigmas.log().float(), skip))


def flow(shift: float, *, multiplier: float = 1000.0) -> Prediction:
    """Rectified flow of the SD 3 kind, a thousand steps; AuraFlow's multiplier is 1."""
    return Prediction("flow", _flow_space(1000, shift, multiplier))


def flux(shift: float) -> Prediction:
    """Rectified flow of the Flux kind; `shift` (mu) is exponential."""
    return Prediction("flow", _flow_space(10000, math.exp(shift), 1.0))


def _flow_space(steps: int, shift: float, multiplier: float) -> Flow:
    times = torch.arange(1, steps + 1, dtype=torch.float32) / steps
    space = Flow(times, shift, multiplier)
    return Flow(space.sigma(times * multiplier), shift, multiplier)


def flux_shift(width: int, height: int, base: float, most: float) -> float:
    """The shift of Flux for a picture's size in pixels: `base` at 256 tokens of 16 x 16, `most` at 4096, linear."""
    tokens = width * height / 256
    return base + (most - base) * (tokens - 256) / (4096 - 256)


def edm(sampling: str, sigma_min: float, sigma_max: float) -> Prediction:
    """Any sigma between two ends, log-uniform. sampling: one of EDM. Raises ValueError for bad ends."""
    space = RationalFlow if sampling == "cosmos_rflow" else LogUniform
    kind, data = EDM[sampling]
    return Prediction(kind, space(_log_uniform(sigma_min, sigma_max)), data)


def angular(sigma_min: float, sigma_max: float) -> Prediction:
    """Any sigma between two ends, v prediction, told as an angle. Raises ValueError for bad ends."""
    return Prediction("v", Angular(_log_uniform(sigma_min, sigma_max)))


def _log_uniform(sigma_min: float, sigma_max: float) -> Tensor:
    if not 0 < sigma_min < sigma_max:
        raise ValueError(
            f"sigma_min {sigma_min} and sigma_max {sigma_max}: give a sigma_min above 0 and below sigma_max"
        )
    return torch.linspace(math.log(sigma_min), math.log(sigma_max), 1000).exp()


def stable_cascade(shift: float) -> Prediction:
    """Stable Cascade's cosine scale, eps prediction."""
    if shift <= 0:
        raise ValueError(f"shift is {shift}; it must be above 0")
    times = torch.arange(1, 10001, dtype=torch.float32) / 10000
    return Prediction("eps", Cosine(cosine_sigma(times, shift), shift))
