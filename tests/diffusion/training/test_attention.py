"""Attention that learns in bfloat16 on a CPU agrees with torch's in float32, whichever way it is computed."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion.unet import SHORT, _attended


def answers(inputs: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """The answer and the gradients of q, k and v."""
    q, k, v = (t.to(dtype).requires_grad_() for t in inputs)
    y = _attended(q, k, v) if dtype is torch.bfloat16 else F.scaled_dot_product_attention(q, k, v)
    towards = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    return [y.detach(), *torch.autograd.grad(y, (q, k, v), towards)]


@pytest.mark.parametrize("keys", [2, 77, SHORT, SHORT + 1])
def test_answers_and_gradients_are_those_of_float32(keys: int):
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 4, n, 16, generator=random) for n in (64, keys, keys)]
    for ours, exact in zip(answers(inputs, torch.bfloat16), answers(inputs, torch.float32), strict=True):
        assert (ours.float() - exact).norm() <= 0.02 * exact.norm() + 1e-6
