"""How a network's timestep relates to sigma: discrete tables, continuous scales, flows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

NO_LIMIT = 999999999.9
"""The sigma of percent 0 where the scale has no natural end: above every sigma a run may use."""


@dataclass(frozen=True, eq=False)
class SigmaSpace:
    """A table of sigmas, ascending, and the two ways between timestep and sigma. Base of the scales below."""

    sigmas: Tensor  # (n,), float32

    @cached_property
    def sigma_min(self) -> float:
        return float(self.sigmas[0])

    @cached_property
    def sigma_max(self) -> float:
        return float(self.sigmas[-1])

    def timestep(self, sigma: Tensor) -> Tensor:
        """What the network is told at `sigma`; same shape."""
        raise NotImplementedError

    def sigma(self, timestep: Tensor) -> Tensor:
        """Inverse of `timestep` where there is one; same shape, float32."""
        raise NotImplementedError

    def percent_to_sigma(self, percent: float) -> float:
        """Sigma after `percent` (0..1) of the steps, counted in timesteps; the ends are open (`NO_LIMIT`, 0)."""
        if percent <= 0:
            return NO_LIMIT
        return 0.0 if percent >= 1 else self._at(1 - percent)

    def _at(self, rest: float) -> float:
        """Sigma with the share `rest` of the timesteps still to go."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Discrete(SigmaSpace):
    """A table with one sigma per training timestep, linear in log sigma between them (Ho et al. 2020).

    `log_sigmas` is no function of the rounded sigmas: paths of noise differ with the last bit of a sigma.
    `skip`: only every skip-th timestep was trained, as in latent consistency models (Luo et al. 2023).
    """

    log_sigmas: Tensor  # (n,), float32
    skip: int = 1

    def timestep(self, sigma: Tensor) -> Tensor:
        distance = (sigma.log().reshape(1, -1) - self.log_sigmas.to(sigma.device)[:, None]).abs()
        return (distance.argmin(dim=0) * self.skip + self.skip - 1).reshape(sigma.shape).float()

    def sigma(self, timestep: Tensor) -> Tensor:
        position = (timestep.float() - (self.skip - 1)) / self.skip
        position = position.clamp(0, len(self.sigmas) - 1)
        low = position.floor().long()
        high = position.ceil().long()
        fraction = position.frac()
        table = self.log_sigmas.to(timestep.device)
        return ((1 - fraction) * table[low] + fraction * table[high]).exp()

    def _at(self, rest: float) -> float:
        return float(self.sigma(torch.tensor(rest * 999.0)))


@dataclass(frozen=True, eq=False)
class LogUniform(SigmaSpace):
    """Any sigma between two ends; the network is told ln(sigma) / 4 (Karras et al. 2022, c_noise)."""

    def timestep(self, sigma: Tensor) -> Tensor:
        return 0.25 * sigma.log()

    def sigma(self, timestep: Tensor) -> Tensor:
        return (timestep / 0.25).exp()

    def _at(self, rest: float) -> float:
        low, high = math.log(self.sigma_min), math.log(self.sigma_max)
        return math.exp((high - low) * rest + low)


@dataclass(frozen=True, eq=False)
class Angular(LogUniform):
    """Any sigma between two ends; the network is told the angle atan(sigma) in units of pi / 2 (Salimans & Ho 2022)."""

    def timestep(self, sigma: Tensor) -> Tensor:
        return sigma.atan() / math.pi * 2

    def sigma(self, timestep: Tensor) -> Tensor:
        return (timestep * math.pi / 2).tan()


@dataclass(frozen=True, eq=False)
class RationalFlow(LogUniform):
    """Any sigma between two ends; the network is told the flow time sigma / (1 + sigma) (Cosmos)."""

    def timestep(self, sigma: Tensor) -> Tensor:
        return sigma / (sigma + 1)

    def sigma(self, timestep: Tensor) -> Tensor:
        return timestep / (1 - timestep)


@dataclass(frozen=True, eq=False)
class Cosine(SigmaSpace):
    """The cosine scale of Nichol & Dhariwal 2021, its log-SNR moved by `shift` (Pernias et al. 2023)."""

    shift: float = 1.0

    def timestep(self, sigma: Tensor) -> Tensor:
        variance = (1 / (sigma * sigma + 1)).clamp(0, 1)
        return (variance * COSINE_START).sqrt().acos() / (math.pi / 2) * (1 + COSINE_OFFSET) - COSINE_OFFSET

    def sigma(self, timestep: Tensor) -> Tensor:
        return cosine_sigma(timestep.float(), self.shift)

    def _at(self, rest: float) -> float:
        return float(self.sigma(torch.tensor(rest)))


@dataclass(frozen=True, eq=False)
class Flow(SigmaSpace):
    """Rectified flow: sigma is time in 0..1, moved by a shift; the network is told sigma * multiplier.

    Shift s maps t to s t / (1 + (s - 1) t) (Esser et al. 2024). The way back from a timestep applies the shift anew, as
    the standard's schedules expect.
    """

    shift: float = 1.0
    multiplier: float = 1.0

    def timestep(self, sigma: Tensor) -> Tensor:
        return sigma * self.multiplier

    def sigma(self, timestep: Tensor) -> Tensor:
        return flow_sigma(timestep / self.multiplier, self.shift)

    def percent_to_sigma(self, percent: float) -> float:
        return 1.0 if percent <= 0 else super().percent_to_sigma(percent)

    def _at(self, rest: float) -> float:
        return flow_sigma(rest, self.shift)


COSINE_OFFSET = 8e-3
COSINE_START = math.cos(COSINE_OFFSET / (1 + COSINE_OFFSET) * math.pi / 2) ** 2


def cosine_sigma(time: Tensor, shift: float) -> Tensor:
    """Sigma of the shifted cosine scale at `time` in 0..1; the share of signal is kept within 1e-4..1 - 1e-4."""
    signal = ((time + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2).cos() ** 2 / COSINE_START
    if shift != 1:
        signal = (torch.logit(signal) - 2 * math.log(shift)).sigmoid()
    signal = signal.clamp(0.0001, 0.9999)
    return ((1 - signal) / signal).sqrt()


Time = TypeVar("Time", Tensor, float)


def flow_sigma(time: Time, shift: float) -> Time:
    """Flow time, 0..1, moved towards noise by `shift`."""
    return time if shift == 1 else shift * time / (1 + (shift - 1) * time)
