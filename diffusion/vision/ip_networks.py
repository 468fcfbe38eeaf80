"""The networks of IP-Adapters (Ye et al. 2023). Names of parameters are the checkpoints'.

Letters: b pictures, n patches and one token for the whole, p width of an embedding, w of states, t tokens, d of text.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion.header import Shapes
from diffusion.vision.ip_files import AdapterParts

HEAD = 64
"""Channels of an attention head."""


class Projection(nn.Module):
    """Of plain adapters: an embedding becomes a few tokens."""

    def __init__(self, shapes: Shapes):
        super().__init__()
        (rows, width), (context,) = shapes["proj.weight"], shapes["norm.weight"]
        self.proj, self.norm = nn.Linear(width, rows), nn.LayerNorm(context)
        self.tokens = rows // context

    def forward(self, x: Tensor) -> Tensor:
        """(b, p) -> (b, t, d)"""
        return self.norm(self.proj(x).unflatten(-1, (self.tokens, -1)))


class FullProjection(nn.Module):
    """Of full-face adapters: each state becomes a token."""

    def __init__(self, shapes: Shapes):
        super().__init__()
        (inner, width), (context, _) = shapes["proj.0.weight"], shapes["proj.2.weight"]
        self.proj = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, context), nn.LayerNorm(context))

    def forward(self, x: Tensor) -> Tensor:
        """(b, n, w) -> (b, n, d)"""
        return self.proj(x)


class PerceiverAttention(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q, self.to_kv = nn.Linear(width, inner, bias=False), nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        """Tokens (b, t, c) look at the states x (b, n, c) and at themselves."""
        x, own = self.norm1(x), self.norm2(own)
        k, v = self.to_kv(torch.cat((x, own), 1)).chunk(2, -1)
        q, k, v = (y.unflatten(-1, (-1, HEAD)).transpose(1, 2) for y in (self.to_q(own), k, v))  # b heads t HEAD
        return self.to_out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def feed_forward(width: int, inner: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, inner, bias=False), nn.GELU(), nn.Linear(inner, width, bias=False)
    )


class Resampler(nn.Module):
    """Of plus adapters: tokens of its own look at the states, layer by layer (Alayrac et al. 2022)."""

    def __init__(self, shapes: Shapes):
        super().__init__()
        (_, tokens, width), (context, _) = shapes["latents"], shapes["proj_out.weight"]
        self.latents = nn.Parameter(Tensor(1, tokens, width))
        self.proj_in, self.proj_out = nn.Linear(shapes["proj_in.weight"][1], width), nn.Linear(width, context)
        self.norm_out = nn.LayerNorm(context)
        depth = len({n.split(".")[1] for n in shapes if n.startswith("layers.")})
        inner, hidden = shapes["layers.0.0.to_q.weight"][0], shapes["layers.0.1.1.weight"][0]
        if inner % HEAD:
            raise ValueError(f"its attention is {inner} wide, no multiple of {HEAD}")
        self.layers = nn.ModuleList(
            nn.ModuleList((PerceiverAttention(width, inner), feed_forward(width, hidden))) for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, n, w) -> (b, t, d)"""
        own, x = self.latents.expand(len(x), -1, -1), self.proj_in(x)
        for attention, ff in self.layers:  # type: ignore[misc]
            own = own + attention(x, own)
            own = own + ff(own)
        return self.norm_out(self.proj_out(own))


NETWORKS = {"plain": Projection, "full": FullProjection, "plus": Resampler}


class Layer(nn.Module):
    """Keys and values of a picture's tokens for one attention of the UNet."""

    def __init__(self, context: int, channels: int):
        super().__init__()
        self.to_k_ip, self.to_v_ip = (nn.Linear(context, channels, bias=False) for _ in "kv")

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(b, t, d) -> (b, t, c), (b, t, c), wherever the weights are."""
        k, v = (functional.linear(tokens, part.weight.to(tokens)) for part in (self.to_k_ip, self.to_v_ip))
        return k, v


def layers(parts: AdapterParts) -> nn.ModuleList:
    return nn.ModuleList(Layer(parts.context, width) for width in parts.widths)
