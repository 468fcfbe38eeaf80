"""UniPC."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from diffusion.solver import Denoise, OnStep, linear

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction

NEARLY_ZERO = 0.001  # stands for a last sigma of 0, whose logarithm is no number


def uni_pc(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    variant: Literal["bh1", "bh2"] = "bh1",
) -> Tensor:
    """UniPC (Zhao et al. 2023, arXiv:2302.04867), multistep, predicting x0, up to order 3: each evaluation predicts the
    next step and corrects the last one. The last step is not corrected, as that would cost an evaluation."""
    levels: list[float] = sigmas.tolist()
    n = len(levels) - 1
    if n < 1:
        return x
    to_zero = levels[-1] == 0
    if to_zero:
        levels[-1] = NEARLY_ZERO
    lambdas = _lambdas(levels)
    order = max(1, min(3, n - 1))
    past: list[Tensor] = []  # x0, newest first
    start, used = x, 1
    for i in range(n):
        x0 = denoise(x, sigmas[i])
        on_step(i, n, x0)
        if i > 0:
            x = _step(start, [x0, *past], lambdas, i - 1, used, variant, corrector=True)
        past = [x0, *past[: order - 1]]
        start, used = x, min(order, i + 1, n - i)
        x = _step(start, past, lambdas, i, used, variant, corrector=False)
    # A flow run ends by dividing by 1 - its last sigma, and the caller takes that for 0.
    return x / (1 - NEARLY_ZERO) if prediction.flow and to_zero else x


def _lambdas(levels: list[float]) -> list[float]:
    """log(alpha / sigma) of the variance-preserving process, the way the paper's code computes it. In single precision,
    since old pictures hold its rounding: the last sigma of 0.001 becomes 0.00098."""
    log_alpha = torch.tensor(levels, dtype=torch.float32).square().add(1).reciprocal().log() / 2
    return (log_alpha - torch.log(torch.sqrt(1 - torch.exp(2 * log_alpha)))).tolist()


def _step(
    x: Tensor, known: list[Tensor], lambdas: list[float], i: int, order: int, variant: str, *, corrector: bool
) -> Tensor:
    """From lambda number i to the next. known: x0 newest first; the corrector's first is the one at the step's end."""
    h = lambdas[i + 1] - lambdas[i]
    now, *older = known[1:] if corrector else known
    ratios = [(lambdas[i - k] - lambdas[i]) / h for k in range(1, order)]
    others = older[: order - 1]
    if corrector:
        ratios, others = [*ratios, 1.0], [*others, known[0]]
    factors = _factors(ratios, h, variant)
    total = -math.expm1(-h)
    return linear((math.exp(-h), x), (total - sum(factors), now), *zip(factors, others, strict=True))


def _factors(ratios: list[float], h: float, variant: str) -> list[float]:
    """Factors of the differences of x0 at `ratios` of the step from that at its start (equation 5 of the paper)."""
    b = -h if variant == "bh1" else math.expm1(-h)
    if len(ratios) < 2:
        return [-b / 2 / r for r in ratios]
    targets: list[float] = []
    phi = math.expm1(-h) / -h - 1
    for k in range(1, len(ratios) + 1):
        targets.append(phi * math.factorial(k) / b)
        phi = phi / -h - 1 / math.factorial(k + 1)
    shares = np.linalg.solve(np.vander(ratios, increasing=True).T, targets)
    return [-b * float(s) / r for s, r in zip(shares, ratios, strict=True)]
