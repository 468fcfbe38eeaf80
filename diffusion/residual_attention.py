"""A layer of CLIP's transformer as OpenAI's first code names it: small networks of others' are made of it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualAttention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attn = Joined(width)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, w) -> (b, t, w)"""
        joined = functional.linear(self.ln_1(x), self.attn.in_proj_weight, self.attn.in_proj_bias)
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in joined.chunk(3, -1))  # b heads t w/heads
        y = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.attn.out_proj(y.transpose(1, 2).flatten(2))
        return x + self.mlp(self.ln_2(x))


class Joined(nn.Module):
    """Query, key and value in one matrix."""

    def __init__(self, width: int):
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(Tensor(3 * width, width)), nn.Parameter(Tensor(3 * width))
        self.out_proj = nn.Linear(width, width)


class Mlp(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_fc(x)
        return self.c_proj(x * (1.702 * x).sigmoid())
