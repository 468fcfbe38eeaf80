"""Muon (Jordan et al. 2024): the momentum of a matrix is made orthogonal before it changes the weights.

Every direction of a weight learns at the same pace, and so a network learns from about half as many pictures as with
Adam, which what is no matrix still has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from diffusion.training.parallel import one_thread

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that brings singular values of 0..1 near 1 in a few turns (Jordan et al. 2024)."""

TURNS = 5
MOMENTUM = 0.95
PACE = 0.2
"""The root mean square of a change, that of Adam, so that one learning rate serves both (Liu et al. 2025)."""

SMALLEST = 16
"""Sides of matrices that are worth the work; what is thinner learns as with Adam."""


class Muon(torch.optim.Optimizer):
    """Groups have `lr` and `weight_decay`. betas: of Adam, for what is no matrix. Embeddings (more than 4,096 rows) are
    tables and no matrices."""

    def __init__(self, params: Iterable[dict[str, Any]], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8):
        super().__init__(params, {"lr": 1e-3, "weight_decay": 0.0, "betas": betas, "eps": eps})
        device = self.param_groups[0]["params"][0].device
        self.pool = ThreadPoolExecutor(torch.get_num_threads() if device.type == "cpu" else 1)

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        waiting = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        waiting.sort(key=lambda w: -w[0].numel())  # the long ones first, so that threads end together
        with one_thread():
            list(self.pool.map(lambda one: self._change(*one), waiting))

    @torch.no_grad()
    def _change(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        if _matrix(parameter):
            self._turn(parameter, group)
        else:
            self._adam(parameter, group)

    def _turn(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        assert gradient is not None
        momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1 - MOMENTUM)
        direction = orthogonal(gradient.lerp(momentum, MOMENTUM).flatten(1)).view_as(parameter)  # Nesterov's
        pace = PACE * max(len(parameter), parameter[0].numel()) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"] * pace)

    def _adam(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        gradient, state, (first, second) = parameter.grad, self.state[parameter], group["betas"]
        assert gradient is not None
        if not state:
            zero = torch.zeros_like(parameter)
            state.update(step=torch.tensor(0.0), exp_avg=zero, exp_avg_sq=zero.clone())
        state["step"] += 1
        done = float(state["step"])
        state["exp_avg"].lerp_(gradient, 1 - first)
        state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = (state["exp_avg_sq"] / (1 - second**done)).sqrt_().add_(group["eps"])
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.addcdiv_(state["exp_avg"], spread, value=-group["lr"] / (1 - first**done))


def _matrix(parameter: Tensor) -> bool:
    rows = len(parameter) if parameter.dim() > 1 else 0
    return SMALLEST <= rows <= 4096 and parameter[0].numel() >= SMALLEST


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix (r, c) with its singular values brought near 1, by the Newton-Schulz iteration, in bfloat16."""
    a, b, c = COEFFICIENTS
    tall = len(matrix) > matrix.shape[1]
    x = (matrix.mT if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(TURNS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(matrix.dtype)
