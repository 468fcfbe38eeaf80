"""CLIP's text network (Radford et al. 2021). Names of parameters are those of the checkpoints.

Letters: b batch, t tokens, w width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion.matrices import attention
from diffusion.tokenizer import END

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class ClipConfig:
    width: int
    layers: int
    heads: int
    hidden: int  # width of the mlp
    positions: int
    tokens: int
    quick: bool  # the activation is x sigmoid(1.702 x), not the exact gelu
    projection: int | None  # width of what the end token is projected to; None: it is not
    causal: bool = True  # a token attends to those before it alone

    @classmethod
    def from_shapes(cls, shapes: Shapes, heads: int = 0, quick: bool | None = None) -> ClipConfig:
        """Read from the shapes of a file, by our names. heads: 0 = 64 channels each, as OpenAI and OpenCLIP have it.

        quick: None = as is usual: OpenAI's networks, which are at most 768 wide, have the quick activation.
        """
        tokens, width = shapes["text_model.embeddings.token_embedding.weight"]
        numbers = (re.match(r"text_model\.encoder\.layers\.(\d+)\.", name) for name in shapes)
        return cls(
            width=width,
            layers=1 + max(int(n[1]) for n in numbers if n),
            heads=heads or max(1, width // 64),
            hidden=shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0],
            positions=shapes["text_model.embeddings.position_embedding.weight"][0],
            tokens=tokens,
            quick=width <= 768 if quick is None else quick,
            projection=shapes.get("text_projection.weight", (None,))[0],
        )


class Attention(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.heads, self.causal = c.heads, c.causal
        self.q_proj, self.k_proj = nn.Linear(c.width, c.width), nn.Linear(c.width, c.width)
        self.v_proj, self.out_proj = nn.Linear(c.width, c.width), nn.Linear(c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        projections = self.q_proj, self.k_proj, self.v_proj
        q, k, v = (p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in projections)  # b heads t w/heads
        y = attention(q, k, v, causal=self.causal)
        return self.out_proj(y.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.quick = c.quick
        self.fc1, self.fc2 = nn.Linear(c.width, c.hidden), nn.Linear(c.hidden, c.width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x) if self.quick else functional.gelu(x))


class Layer(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.self_attn, self.mlp = Attention(c), Mlp(c)
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(c.width), nn.LayerNorm(c.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.token_embedding = nn.Embedding(c.tokens, c.width)
        self.position_embedding = nn.Embedding(c.positions, c.width)


class Layers(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))


class TextModel(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.embeddings, self.encoder = Embeddings(c), Layers(c)
        self.final_layer_norm = nn.LayerNorm(c.width)


class ClipText(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.text_model = TextModel(c)
        if c.projection is not None:
            self.text_projection = nn.Linear(c.width, c.projection, bias=False)

    def forward(
        self, tokens: Tensor, where: Tensor, vectors: Tensor, *, layer: int, norm: bool, project: bool
    ) -> tuple[Tensor, Tensor]:
        """tokens (b, t) -> the states after the first `layer` layers (b, t, w), and the pooled text (b, w).

        where (b, t): true where `vectors` (their number, w) stand instead of tokens, in that order.
        norm: whether the final layer norm is applied to those states. Pooled are the states at the first end token,
        always after all layers and the final layer norm; project: and projected.
        """
        text = self.text_model
        x = text.embeddings.token_embedding(tokens)  # b t w
        if len(vectors):
            x[where] = vectors
        x = states = x + text.embeddings.position_embedding.weight[: tokens.shape[1]]
        for i, block in enumerate(text.encoder.layers, 1):
            x = block(x)
            states = x if i == layer else states
        rows = torch.arange(len(x), device=x.device)
        pooled = text.final_layer_norm(x[rows, (tokens == END).int().argmax(1)])  # b w
        states = text.final_layer_norm(states) if norm else states
        return states, self.text_projection(pooled) if project else pooled
