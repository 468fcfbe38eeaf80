"""Convolutions and attention as products of matrices, where that is what a CPU is fastest with.

Letters: b batch, c channels, h w size, n queries, t keys, d channels of a head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PLACES, WEIGHTS = 64, 2**22
"""A convolution of bfloat16 is a matrix for so few places of a picture, and from so many weights on: to bring these
into the order that a convolution wants takes longer than to use them."""
SCORES = 2**20
"""How many weights of an attention are held at a time: 2 MB, which a processor's cache has room for."""


class Convolution(nn.Conv2d):
    """Of 3 x 3 with a padding of 1. (b, c, h, w) -> (b, out, h / stride, w / stride), rounded up."""

    def __init__(self, channels: int, out: int, stride: int = 1):
        super().__init__(channels, out, 3, stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        b, _, *size = x.shape
        h, w = ((n - 1) // self.stride[0] + 1 for n in size)
        few = h * w <= PLACES and self.weight.numel() >= WEIGHTS
        if not (few and x.device.type == "cpu" and computing_in(x) is torch.bfloat16):
            return super().forward(x)
        columns, matrix = self._columns(x), self._matrix()
        return F.linear(columns, matrix, self.bias).view(b, h, w, -1).permute(0, 3, 1, 2)

    def _columns(self, x: Tensor) -> Tensor:
        """What each place of the answer is computed from, (bhw, 9c), in the order that the weights lie in."""
        if self.weight.is_contiguous():
            return F.unfold(x, 3, padding=1, stride=self.stride).mT.flatten(0, 1)
        seen = F.pad(x, (1, 1, 1, 1)).unfold(2, 3, self.stride[0]).unfold(3, 3, self.stride[1])  # b c h w 3 3
        return seen.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(0, 2)

    def _matrix(self) -> Tensor:
        """The weights (out, 9c), as they lie: with channels first or last."""
        return (self.weight if self.weight.is_contiguous() else self.weight.permute(0, 2, 3, 1)).flatten(1)


def computing_in(x: Tensor) -> torch.dtype:
    """The type of matrices' answers to x: under autocast not that of x."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    """q (b, heads, n, d), k and v (b, heads, t, d) -> (b, heads, n, d). causal: the keys of later places count for
    nothing."""
    if q.requires_grad and q.dtype is torch.bfloat16 and q.device.type == "cpu":
        # torch's fused attention is two to ten times slower there than matrices, once gradients are wanted
        return _InPieces.apply(q, k, v, causal)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


class _InPieces(torch.autograd.Function):
    """Attention of some heads or some queries at a time, whose weights are computed again for the gradients (Dao et al.
    2022, without its blocks of keys)."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:  # type: ignore[override]
        heads = _Heads(q, k, v, causal)
        y = torch.empty_like(heads.q)
        for these, rows in heads.pieces():
            torch.bmm(heads.weights(these, rows), heads.v[these], out=y[these, rows])
        ctx.save_for_backward(q, k, v, y)
        ctx.causal = causal
        return y.view(q.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        q, k, v, y = ctx.saved_tensors
        heads, grad = _Heads(q, k, v, ctx.causal), grad.flatten(0, 1)
        mean = (grad * y).sum(-1, keepdim=True)  # of the gradients of a query's scores, by their weights
        of_q, of_k, of_v = torch.empty_like(heads.q), torch.zeros_like(heads.k), torch.zeros_like(heads.v)
        for these, rows in heads.pieces():
            weights, g = heads.weights(these, rows), grad[these, rows]
            of_v[these].baddbmm_(weights.mT, g)
            of_scores = torch.bmm(g, heads.v[these].mT, out=heads.room(0, g)).sub_(mean[these, rows]).mul_(weights)
            torch.bmm(of_scores, heads.k[these], out=of_q[these, rows])
            of_k[these].baddbmm_(of_scores.mT, heads.q[these, rows])
        return (of_q * heads.scale).view(q.shape), of_k.view(k.shape), of_v.view(v.shape), None


class _Heads:
    """q (b heads, n, d), which is scaled already, k and v (b heads, t, d), and room for the scores of some queries."""

    def __init__(self, q: Tensor, k: Tensor, v: Tensor, causal: bool):
        self.scale = q.shape[-1] ** -0.5
        self.q, self.k, self.v = (q * self.scale).flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
        count, n, t = *self.q.shape[:2], k.shape[2]
        self.rows = max(1, min(SCORES // t, n))
        self.count = max(1, min(SCORES // (self.rows * t), count))
        self._room = q.new_empty(2, self.count * self.rows * t)
        self._later = q.new_full((n, t), -math.inf).triu_(1) if causal else None

    def pieces(self) -> Iterator[tuple[slice, slice]]:
        """Some heads, and some of their queries."""
        count, n, _ = self.q.shape
        for head in range(0, count, self.count):
            for row in range(0, n, self.rows):
                yield slice(head, head + self.count), slice(row, row + self.rows)

    def room(self, which: int, queries: Tensor) -> Tensor:
        """For a number of each of some queries (heads, rows, d) and each key: (heads, rows, t)."""
        size = (*queries.shape[:2], self.k.shape[1])
        return self._room[which, : math.prod(size)].view(size)

    def weights(self, these: slice, rows: slice) -> Tensor:
        """What some queries give each key, (heads, rows, t); until the next are asked for."""
        q = self.q[these, rows]
        scores = torch.bmm(q, self.k[these].mT, out=self.room(0, q))
        if self._later is not None:
            scores += self._later[rows]
        return torch.softmax(scores, -1, out=self.room(1, q))
