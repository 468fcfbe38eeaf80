"""DPM-Solver with steps of its own size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diffusion.samplers.ode import DpmSolver
from diffusion.solver import Denoise, OnStep, ancestral, linear

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction

MAX_TRIES = 10_000  # far above any sensible run; tolerances of 0 would go on for ever


@dataclass
class StepSize:
    """A PID controller of the width of steps (Söderlind 2003) from their estimated errors."""

    h: float
    exponents: tuple[float, float, float]
    safety: float
    inverse_errors: list[float] = field(default_factory=list[float])  # of this try, the last step, the one before

    def accept(self, error: float) -> bool:
        """Whether the try stands; sets the width of the next one."""
        inverse = 1 / (error + 1e-8)
        self.inverse_errors = [inverse, *(self.inverse_errors[1:] or [inverse, inverse])]
        wish = math.prod(e**b for e, b in zip(self.inverse_errors, self.exponents, strict=True))
        factor = 1 + math.atan(wish - 1)
        self.h *= factor
        if factor < self.safety:
            return False
        self.inverse_errors = [inverse, *self.inverse_errors[:2]]
        return True


def dpm_adaptive(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> Tensor:
    """DPM-Solver-12 or -23 (Lu et al. 2022, algorithm 3) from the first sigma to the last above zero; those between
    do not matter. Progress is reported in hundredths of the way in log sigma.

    rtol, atol: how far the two orders may be apart, relative and absolute. h_init: the first width, in log sigma.
    """
    if len(sigmas) < 2:
        return x
    start, end = (-math.log(s) for s in (float(sigmas[0]), next(s for s in reversed(sigmas.tolist()) if s > 0)))
    rate = 1.5 if eta else order
    exponents = ((pcoeff + icoeff + dcoeff) / rate, -(pcoeff + 2 * dcoeff) / rate, dcoeff / rate)
    size = StepSize(abs(h_init), exponents, accept_safety)
    solver, draw = DpmSolver(denoise, sigmas), noise.normal(x)
    t, x_low = start, x
    for _ in range(MAX_TRIES):
        if t >= end - 1e-5:
            return x
        t_next = min(end, t + size.h)
        sigma, sigma_next = math.exp(-t), math.exp(-t_next)
        down = ancestral(sigma, sigma_next, eta).down if eta else sigma_next
        t_down = min(end, -math.log(down)) if down > 0 else end
        eps = solver.eps(x, t)
        on_step(int(100 * (t - start) / (end - start)), 100, linear((1, x), (-sigma, eps)))
        low, high = solver.step(order, x, eps, t, t_down)[-2:]
        if size.accept(_error(low, high, x_low, rtol, atol)):
            x_low, x, t = low, high, t_next
            if eta:
                up = math.sqrt(max(sigma_next**2 - math.exp(-2 * t_down), 0))
                x = linear((1, x), (s_noise * up, draw(sigma, sigma_next)))
    raise ValueError(f"dpm_adaptive made no end in {MAX_TRIES} steps; raise rtol ({rtol}), atol ({atol}) or h_init")


def _error(low: Tensor, high: Tensor, before: Tensor, rtol: float, atol: float) -> float:
    """The distance of two estimates in units of what is allowed (root mean square)."""
    allowed = torch.maximum(low.abs(), before.abs()).mul_(rtol).clamp_(min=atol)
    return float(((low - high) / allowed).square_().mean().sqrt_())
