"""What is computed again has the answers and the gradients of what is kept, to the bit, and holds its inputs alone."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.recomputing import ActivatedNorm, recomputed


def norm() -> ActivatedNorm:
    torch.manual_seed(0)
    made = ActivatedNorm(4, 8)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.bias)
    return made


def plain(it: ActivatedNorm, x: Tensor) -> Tensor:
    return F.silu(F.group_norm(x, it.num_groups, it.weight, it.bias, it.eps))


def gradients(y: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    towards = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    return list(torch.autograd.grad(y, [t for t in inputs if t.requires_grad], towards))


@pytest.mark.parametrize("learns", ["all", "the input", "the weights"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradients_of_the_norm_are_those_of_its_parts(learns: str, dtype: torch.dtype):
    it, x = norm().to(dtype), torch.randn(2, 8, 5, 5).to(dtype)
    it.requires_grad_(learns != "the input")
    x.requires_grad_(learns != "the weights")
    found, wanted = it(x), plain(it, x)
    assert torch.equal(found, wanted)
    inputs = [x, it.weight, it.bias]
    pairs = list(zip(gradients(found, inputs), gradients(wanted, inputs), strict=True))
    assert len(pairs) == {"all": 3, "the input": 1, "the weights": 2}[learns]
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("cast", [True, False])
def test_what_autocast_does_is_done_again(cast: bool):
    weight, x = torch.randn(6, 4).requires_grad_(), torch.randn(3, 4).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16) if cast else nullcontext():
        found = recomputed(lambda x, w: F.linear(x, w).relu(), x, weight)
        wanted = F.linear(x, weight).relu()
    assert found.dtype is (torch.bfloat16 if cast else torch.float32)
    assert torch.equal(found, wanted)
    pairs = zip(gradients(found, [x, weight]), gradients(wanted, [x, weight]), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_inputs_alone_are_kept():
    it, x = norm(), torch.randn(2, 8, 16, 16).requires_grad_()
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        it(x)
        assert sum(kept.values()) == x.numel() + it.weight.numel() + it.bias.numel()
        kept.clear()
        plain(it, x)
        assert sum(kept.values()) > 2 * x.numel()


def test_where_nothing_learns_the_input_stays_as_it_is():
    it, x = norm(), torch.randn(2, 8, 5, 5)
    before = x.clone()
    with torch.no_grad():
        assert torch.equal(it(x), plain(it, x))
    assert torch.equal(x, before)
