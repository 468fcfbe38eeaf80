"""Muon: its iteration against the singular value decomposition, its steps against torch's, and that it arrives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from diffusion.training.muon import Muon, orthogonal

SHAPES = [(24, 24), (16, 40), (64, 20)]


def with_spectrum(shape: tuple[int, int], values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix with these singular values, and its singular vectors."""
    torch.manual_seed(1)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    return u @ torch.diag(values) @ v, u, v


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_singular_vectors_stay(shape: tuple[int, int]):
    matrix, u, v = with_spectrum(shape, torch.linspace(0.05, 3, min(shape)))
    found = orthogonal(matrix)
    assert found.dtype is torch.float32
    values = np.linalg.svd(found.numpy(), compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.25
    turned = u.T @ found @ v.T  # diagonal where the vectors are the same
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 0.05
    assert turned.diagonal().min() > 0.6


def test_the_size_of_a_matrix_does_not_matter_and_zero_stays_zero():
    matrix, *_ = with_spectrum((24, 24), torch.linspace(0.1, 1, 24))
    assert (orthogonal(matrix * 1e-4) - orthogonal(matrix * 1e4)).abs().max() < 0.05
    assert torch.equal(orthogonal(torch.zeros(16, 16)), torch.zeros(16, 16))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("shape", SHAPES)
def test_matrices_change_as_with_torch(shape: tuple[int, int]):
    torch.manual_seed(2)
    start, gradients = torch.randn(shape), torch.randn(4, *shape)
    mine, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    ours = Muon([{"params": [mine], "lr": 0.01, "weight_decay": 0.1}])
    his: Any = torch.optim.Muon(  # type: ignore[attr-defined]
        [theirs], lr=0.01, weight_decay=0.1, momentum=0.95, nesterov=True, adjust_lr_fn="match_rms_adamw"
    )
    for gradient in gradients:
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step()
        his.step()
    moved = (theirs - start).norm()
    assert (mine - theirs).norm() / moved < 0.04  # both round to bfloat16 on their way
    assert moved > 0.1


@pytest.mark.parametrize("shape", [(40,), (4, 3, 3, 3), (8, 300), (5000, 16)])
def test_what_is_no_matrix_changes_as_with_adam(shape: tuple[int, ...]):
    torch.manual_seed(3)
    start, gradients = torch.randn(shape), torch.randn(3, *shape)
    mine, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    ours = Muon([{"params": [mine], "lr": 0.01, "weight_decay": 0.1}], betas=(0.9, 0.99))
    his = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1, betas=(0.9, 0.99))
    for gradient in gradients:
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step()
        his.step()
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_convolutions_are_matrices_of_what_they_see():
    torch.manual_seed(4)
    start, gradient = torch.randn(16, 8, 3, 3), torch.randn(16, 8, 3, 3)
    whole, flat = nn.Parameter(start.clone()), nn.Parameter(start.clone().flatten(1))
    for parameter, grad in ((whole, gradient), (flat, gradient.flatten(1))):
        parameter.grad = grad
        Muon([{"params": [parameter], "lr": 0.01, "weight_decay": 0.0}]).step()
    assert torch.equal(whole.flatten(1), flat)


def test_a_change_is_as_large_as_adams():
    """0.2 of the learning rate an element in the root mean square, whatever the shape."""
    for shape in SHAPES:
        parameter = nn.Parameter(torch.zeros(shape))
        parameter.grad = with_spectrum(shape, torch.linspace(0.5, 1, min(shape)))[0]
        Muon([{"params": [parameter], "lr": 1.0, "weight_decay": 0.0}]).step()
        assert float(parameter.detach().pow(2).mean().sqrt()) == pytest.approx(0.2, rel=0.25)


def test_it_arrives_at_the_least_of_a_quadratic():
    torch.manual_seed(5)
    aim, bias = torch.randn(24, 32), torch.randn(24)
    weight, shift = nn.Parameter(torch.zeros(24, 32)), nn.Parameter(torch.zeros(24))
    optimizer = Muon([{"params": [weight, shift], "lr": 0.1, "weight_decay": 0.0}])
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 0.2 * (1 - step / 150)
        optimizer.zero_grad()
        ((weight - aim).pow(2).mean() + (shift - bias).pow(2).mean()).backward()
        optimizer.step()
    assert (weight - aim).pow(2).mean() < 1e-3
    assert (shift - bias).pow(2).mean() < 1e-3
