"""What is cheaper to compute twice than to keep, where a network learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def recomputed(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """function(*inputs), of which only the inputs are kept for the gradients (Chen et al. 2016)."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in inputs):
        return _Recomputed.apply(function, *inputs)
    return function(*inputs)


class ActivatedNorm(nn.GroupNorm):
    """Group normalisation, then SiLU."""

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return recomputed(self._activated, x, self.weight, self.bias)

    def _activated(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y = F.group_norm(x, self.num_groups, weight, bias, self.eps)
        return F.silu(y, inplace=not torch.is_grad_enabled())


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:  # type: ignore[override]
        device = inputs[0].device.type
        ctx.function, ctx.device = function, device
        ctx.dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        wanted = ctx.needs_input_grad[1:]
        inputs = [x.detach().requires_grad_(w) for x, w in zip(ctx.saved_tensors, wanted, strict=True)]
        with torch.enable_grad(), torch.autocast(ctx.device, ctx.dtype, enabled=ctx.dtype is not None):
            y = ctx.function(*inputs)
        found = iter(torch.autograd.grad(y, [x for x in inputs if x.requires_grad], grad))
        return (None, *(next(found) if w else None for w in wanted))
