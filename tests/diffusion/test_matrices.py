"""Convolutions and attention by matrices agree with torch's in float32, in every size that they are cut into."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion import matrices
from diffusion.matrices import Convolution, attention

Layer = Callable[..., Tensor]


def answers(layer: Layer, inputs: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """The answer and the gradients of the inputs."""
    inputs = [t.to(dtype).requires_grad_() for t in inputs]
    y = layer(*inputs)
    towards = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    return [y.detach(), *torch.autograd.grad(y, inputs, towards)]


def assert_near(ours: list[Tensor], exact: list[Tensor]) -> None:
    for a, b in zip(ours, exact, strict=True):
        assert a.shape == b.shape
        assert (a.float() - b).norm() <= 0.02 * b.norm() + 1e-6


@pytest.fixture(params=[1, 300, 64 * 77, 2**20])
def scores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One query at a time, some of a head, one head, or all."""
    monkeypatch.setattr(matrices, "SCORES", request.param)


@pytest.mark.usefixtures("scores")
@pytest.mark.parametrize(("queries", "keys"), [(64, 2), (64, 77), (129, 129), (1, 3)])
def test_attention_and_its_gradients_are_those_of_float32(queries: int, keys: int):
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 3, n, 16, generator=random) for n in (queries, keys, keys)]
    exact = answers(F.scaled_dot_product_attention, inputs, torch.float32)
    assert_near(answers(attention, inputs, torch.bfloat16), exact)


@pytest.mark.usefixtures("scores")
def test_causal_attention_and_its_gradients_are_those_of_float32():
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 3, 77, 16, generator=random) for _ in range(3)]
    exact = answers(partial(F.scaled_dot_product_attention, is_causal=True), inputs, torch.float32)
    assert_near(answers(partial(attention, causal=True), inputs, torch.bfloat16), exact)


def test_attention_of_heads_that_lie_apart_in_memory():
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, n, 4, 16, generator=random).transpose(1, 2) for n in (50, 60, 60)]
    exact = answers(F.scaled_dot_product_attention, inputs, torch.float32)
    assert_near(answers(attention, inputs, torch.bfloat16), exact)


@pytest.fixture
def made_matrices(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The sizes of the pictures that became matrices, in a test where all convolutions have enough weights for it."""
    seen: list[tuple[int, ...]] = []
    unfold = F.unfold

    def unfolded(x: Tensor, *options: int, **more: object) -> Tensor:
        seen.append(tuple(x.shape[2:]))
        return unfold(x, *options, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(matrices, "WEIGHTS", 0)
    monkeypatch.setattr(F, "unfold", unfolded)
    return seen


def convolution(stride: int) -> Convolution:
    torch.manual_seed(0)
    return Convolution(24, 40, stride)


@pytest.mark.parametrize(
    ("stride", "size", "matrix"), [(1, (8, 8), True), (1, (3, 5), True), (2, (15, 16), True), (1, (9, 8), False)]
)
def test_a_convolution_is_that_of_float32(
    stride: int, size: tuple[int, int], matrix: bool, made_matrices: list[tuple[int, ...]]
):
    layer = convolution(stride)
    assert layer.bias is not None
    x = torch.randn(3, 24, *size, generator=torch.Generator().manual_seed(0))
    given = [x, layer.weight.detach(), layer.bias.detach()]
    exact = answers(lambda *t: F.conv2d(*t, stride=stride, padding=1), given, torch.float32)

    def ours(*t: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": t[1], "bias": t[2]}, (t[0],))

    assert_near(answers(ours, given, torch.bfloat16), exact)
    assert made_matrices == ([size] if matrix else [])


def test_a_convolution_in_autocast_is_that_of_float32(made_matrices: list[tuple[int, ...]]):
    layer = convolution(1)
    x = torch.randn(2, 24, 4, 4, generator=torch.Generator().manual_seed(0))
    exact = layer(x)
    assert made_matrices == []
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert made_matrices == [(4, 4)]
    assert y.dtype is torch.bfloat16
    assert_near([y], [exact])


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_with_channels_last_is_that_of_float32(stride: int, made_matrices: list[tuple[int, ...]]):
    layer = convolution(stride)
    x = torch.randn(2, 24, 5, 6, generator=torch.Generator().manual_seed(0))
    exact = layer(x)
    layer.to(torch.bfloat16).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    assert not layer.weight.is_contiguous()
    for layout in (torch.channels_last, torch.contiguous_format):
        assert_near([layer(x.to(torch.bfloat16, memory_format=layout))], [exact])
    assert layer._matrix().data_ptr() == layer.weight.data_ptr(), "the weights were copied"
    assert made_matrices == []


def test_few_weights_stay_a_convolution(made_matrices: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch):
    layer = convolution(1).to(torch.bfloat16)
    monkeypatch.setattr(matrices, "WEIGHTS", layer.weight.numel() + 1)
    layer(torch.zeros(1, 24, 4, 4, dtype=torch.bfloat16))
    assert made_matrices == []
