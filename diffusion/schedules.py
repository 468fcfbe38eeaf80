"""Schedules: in which sigmas a run goes from noise to picture. A schedule ends with 0, so n steps are n + 1 sigmas."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from diffusion.prediction import Prediction

Schedule = Callable[[Prediction, int], Tensor]

ONE_MORE = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})
"""Samplers that are scheduled one step more and skip the last sigma before 0, where they would be unstable."""

NEARLY_ZERO = 1e-5

FULL = 0.9999
"""From this `denoise` on a run is a full one."""


def simple(model: Prediction, steps: int) -> Tensor:
    """Every n-th entry of the model's table, from the top."""
    stride = len(model.sigmas) / steps
    index = [-1 - int(i * stride) for i in range(steps)]
    return _with_zero(model.sigmas[index])


def ddim_uniform(model: Prediction, steps: int) -> Tensor:
    """Every n-th entry of the table, from the bottom (Song et al. 2021). May give a step or more beyond `steps`."""
    at_zero = float(model.sigmas[1]) < NEARLY_ZERO
    stride = max(len(model.sigmas) // (steps + at_zero), 1)
    sigmas = model.sigmas[1::stride].flip(0)
    return _ending_at_zero(sigmas) if at_zero else _with_zero(sigmas)


def normal(model: Prediction, steps: int) -> Tensor:
    """Evenly spaced timesteps, both ends of the scale included."""
    ends_at_zero = _end(model) < NEARLY_ZERO
    timesteps = _timesteps(model, steps + ends_at_zero)
    sigmas = model.sigma(timesteps)
    return _ending_at_zero(sigmas) if ends_at_zero else _with_zero(sigmas)


def sgm_uniform(model: Prediction, steps: int) -> Tensor:
    """Evenly spaced timesteps, without the last one."""
    return _with_zero(model.sigma(_timesteps(model, steps + 1)[:-1]))


def karras(model: Prediction, steps: int) -> Tensor:
    return karras_between(steps, model.sigma_min, model.sigma_max)


def exponential(model: Prediction, steps: int) -> Tensor:
    return exponential_between(steps, model.sigma_min, model.sigma_max)


def beta(model: Prediction, steps: int, alpha: float = 0.6, beta: float = 0.6) -> Tensor:
    """Table entries at quantiles of a beta distribution (Lee et al. 2024, arXiv:2407.12173); equal ones only once."""
    from scipy.special import betaincinv

    quantiles = 1 - np.linspace(0, 1, steps, endpoint=False)
    index = np.rint(betaincinv(alpha, beta, quantiles) * (len(model.sigmas) - 1))
    changes = np.concatenate([[True], index[1:] != index[:-1]])
    return _with_zero(model.sigmas[torch.from_numpy(index[changes].astype(np.int64))])


def linear_quadratic(model: Prediction, steps: int, threshold: float = 0.025) -> Tensor:
    """Half of the steps over the first `threshold` of the noise, then a parabola (Polyak et al. 2024, Movie Gen)."""
    if steps == 1:
        return torch.tensor([1.0, 0.0]) * model.sigma_max
    linear = steps // 2
    slope = threshold / linear
    rest = steps - linear
    curve = (linear - threshold * steps) / (linear * rest**2)
    i = torch.arange(steps + 1, dtype=torch.float64)
    done = slope * i + curve * (i - linear).clamp(min=0) ** 2
    return _ending_at_zero(((1 - done) * model.sigma_max).float())


def kl_optimal(model: Prediction, steps: int) -> Tensor:
    """Evenly spaced in the angle atan(sigma) (Sabour et al. 2024, Align Your Steps, theorem 3.1)."""
    part = torch.arange(steps, dtype=torch.float32) / max(steps - 1, 1)
    angle = part * math.atan(model.sigma_min) + (1 - part) * math.atan(model.sigma_max)
    return _with_zero(angle.tan())


SCHEDULES: dict[str, Schedule] = {
    "simple": simple,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "normal": normal,
    "linear_quadratic": linear_quadratic,
    "kl_optimal": kl_optimal,
}


def schedule(name: str, model: Prediction, steps: int, denoise: float = 1.0) -> Tensor:
    """The last `steps` steps of a schedule that is so much longer that they are the share `denoise` of it.

    (steps + 1,); empty where denoise is 0 or less.
    """
    if denoise >= 1:
        return SCHEDULES[name](model, steps)
    if denoise <= 0:
        return torch.empty(0)
    return SCHEDULES[name](model, int(steps / denoise))[-(steps + 1) :]


def for_sampler(sampler: str, name: str, model: Prediction, steps: int, denoise: float = 1.0) -> Tensor:
    """The schedule that the sampler nodes run: as `schedule`, with what one sampler or the other needs."""
    full = denoise > FULL
    if not full and denoise <= 0:
        return torch.empty(0)
    total = steps if full else int(steps / denoise)
    if sampler in ONE_MORE:
        longer = SCHEDULES[name](model, total + 1)
        sigmas = torch.cat([longer[:-2], longer[-1:]])
    else:
        sigmas = SCHEDULES[name](model, total)
    return sigmas if full else sigmas[-(steps + 1) :]


def cut(sigmas: Tensor, start: int, end: int, *, keep_noise: bool) -> Tensor:
    """The steps `start` to `end` of a schedule; empty where none is left. Without `keep_noise` they end at 0."""
    if end < len(sigmas) - 1:
        sigmas = sigmas[: end + 1]
        if not keep_noise:
            sigmas = _ending_at_zero(sigmas)
    return sigmas[start:] if start < len(sigmas) - 1 else sigmas[:0]


# --- from two ends, without a model --------------------------------------------------------------


def karras_between(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Karras et al. 2022, equation 5."""
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return _with_zero((high + torch.linspace(0, 1, steps) * (low - high)) ** rho)


def exponential_between(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Evenly spaced in log sigma."""
    return _with_zero(torch.linspace(math.log(sigma_max), math.log(sigma_min), steps).exp())


def polyexponential_between(steps: int, sigma_min: float, sigma_max: float, rho: float = 1.0) -> Tensor:
    """A power of an even spacing in log sigma."""
    low, high = math.log(sigma_min), math.log(sigma_max)
    return _with_zero((torch.linspace(1, 0, steps) ** rho * (high - low) + low).exp())


def laplace_between(steps: int, sigma_min: float, sigma_max: float, mu: float = 0.0, beta: float = 0.5) -> Tensor:
    """Quantiles of a Laplace distribution of log sigma (Hang et al. 2024). `steps` sigmas, without a 0 at the end."""
    x = 0.5 - torch.linspace(0, 1, steps)
    log_sigma = mu - beta * x.sign() * (1 - 2 * x.abs() + 1e-5).log()
    return log_sigma.exp().clamp(sigma_min, sigma_max)


def variance_preserving(steps: int, beta_d: float = 19.9, beta_min: float = 0.1, eps_s: float = 0.001) -> Tensor:
    """Evenly spaced time of the continuous VP process (Song et al. 2021)."""
    time = torch.linspace(1, eps_s, steps)
    return _with_zero(((beta_d * time**2 / 2 + beta_min * time).exp() - 1).sqrt())


def turbo(model: Prediction, steps: int, denoise: float = 1.0) -> Tensor:
    """The timesteps that SD Turbo was distilled at (Sauer et al. 2023): 999, 899, ..., 99."""
    start = 10 - int(10 * denoise)
    timesteps = torch.arange(999, 0, -100)[start : start + steps]
    return _with_zero(model.sigma(timesteps))


def ltxv(steps: int, tokens: int, max_shift: float, base_shift: float, terminal: float | None) -> Tensor:
    """Flow times of LTX Video, shifted by the number of latent `tokens`: by `base_shift` at 1024, `max_shift` at 4096.

    terminal: stretch them so that the last before 0 is this.
    """
    shift = base_shift + (max_shift - base_shift) * (tokens - 1024) / (4096 - 1024)
    times = torch.linspace(1, 0, steps + 1)[:-1]
    sigmas = math.exp(shift) / (math.exp(shift) + (1 / times - 1))
    if terminal is not None:
        gap = 1 - sigmas
        sigmas = 1 - gap * ((1 - terminal) / gap[-1])
    return _with_zero(sigmas)


def _with_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _ending_at_zero(sigmas: Tensor) -> Tensor:
    return _with_zero(sigmas[:-1])


def _timesteps(model: Prediction, n: int) -> Tensor:
    top, bottom = model.timestep(torch.tensor([model.sigma_max, model.sigma_min])).tolist()
    return torch.linspace(top, bottom, n)


def _end(model: Prediction) -> float:
    return float(model.sigma(model.timestep(torch.tensor(model.sigma_min))))


def sigma_at(model: Prediction, percent: float, *, actual: bool) -> float:
    """Sigma after a share of the steps; `actual`: the ends of the model's scale at 0 and 1, not the open ends."""
    if actual and percent <= 0:
        return model.sigma_max
    if actual and percent >= 1:
        return model.sigma_min
    return model.percent_to_sigma(percent)
