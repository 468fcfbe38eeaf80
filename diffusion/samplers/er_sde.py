"""The extended reverse-time SDE solver."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from diffusion.solver import Denoise, LogSnr, OnStep, finite_start, linear, steps

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def er_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    solver_type: Literal["ER-SDE", "Reverse-time SDE", "ODE"] = "ER-SDE",
    max_stage: int = 3,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Tensor:
    """Extended reverse-time SDE solver (Cui et al. 2023, arXiv:2309.06169), up to order 3. `eta` is the strength of the
    noise of "Reverse-time SDE" alone; "ODE" has none."""
    if solver_type == "ODE" or (solver_type == "Reverse-time SDE" and eta == 0):
        eta, s_noise = 0.0, 0.0
    power = None if solver_type == "ER-SDE" else 1 + eta
    draw = noise.normal(x)
    sigmas, time = finite_start(sigmas, prediction), LogSnr(prediction.flow)
    ratios = [s / time.alpha(s) for s in sigmas.tolist()]  # the noise in units of the signal
    old, old_change = x, x
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        here, there, alpha = ratios[step.i], ratios[step.i + 1], time.alpha(step.next)
        scale = _er_noise(there, power) / _er_noise(here, power)
        x = linear((alpha / time.alpha(step.sigma) * scale, x), (alpha * (1 - scale), x0))
        if step.i > 0 and max_stage > 1:
            first, second = _er_bends(here, there, power)
            change = (x0 - old).div_(here - ratios[step.i - 1])
            x.add_(change, alpha=alpha * first)
            if step.i > 1 and max_stage > 2:
                x.add_(change - old_change, alpha=2 * alpha * second / (here - ratios[step.i - 2]))
            old_change = change
        if s_noise > 0:
            spread = math.sqrt(max(there**2 - (here * scale) ** 2, 0))
            x.add_(draw(step.sigma, step.next), alpha=alpha * s_noise * spread)
        old = x0
    return x


def _er_noise(ratio: float, power: float | None) -> float:
    """How the noise scale shrinks: ER-SDE 5 of the paper, or a plain power."""
    return ratio * (math.exp(ratio**0.3) + 10) if power is None else ratio**power


def _er_bends(here: float, there: float, power: float | None) -> tuple[float, float]:
    """Factors of the first and second derivative of x0: sums over 200 points, as published."""
    width, points = there - here, 200
    positions = [there - k * width / points for k in range(points)]
    cells = [-width / points / _er_noise(p, power) for p in positions]
    end = _er_noise(there, power)
    tilt = sum(c * (p - here) for c, p in zip(cells, positions, strict=True))
    return width + end * sum(cells), width**2 / 2 + end * tilt
