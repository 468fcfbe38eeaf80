"""CLIP's vision network (Radford et al. 2021): a picture as tokens. Names of parameters are the checkpoints'.

Letters: b batch, n patches and one token for the whole, w width, s the picture's side.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diffusion.clip import ClipConfig, Layer
from diffusion.header import Shapes

OPENAI = 1024
"""The widest of OpenAI's networks, which have the quick activation and 64 channels a head."""
HEADS = 16
"""Of the wider ones, OpenCLIP's H and g."""


@dataclass(frozen=True)
class VisionConfig:
    layer: ClipConfig
    patch: int  # pixels a side

    @property
    def side(self) -> int:
        """Pixels a side of the pictures that it sees."""
        return math.isqrt(self.layer.positions - 1) * self.patch

    @classmethod
    def from_shapes(cls, shapes: Shapes, heads: int = 0) -> VisionConfig:
        """Read from the shapes of a file, by our names. heads: 0 = as the published networks of this width."""
        at = "vision_model."
        width, _, patch, _ = shapes[f"{at}embeddings.patch_embedding.weight"]
        numbers = (re.match(r"vision_model\.encoder\.layers\.(\d+)\.", name) for name in shapes)
        layer = ClipConfig(
            width=width,
            layers=1 + max(int(n[1]) for n in numbers if n),
            heads=heads or (max(1, width // 64) if width <= OPENAI else HEADS),
            hidden=shapes[f"{at}encoder.layers.0.mlp.fc1.weight"][0],
            positions=shapes[f"{at}embeddings.position_embedding.weight"][0],
            tokens=0,
            quick=width <= OPENAI,
            projection=shapes.get("visual_projection.weight", (None,))[0],
            causal=False,
        )
        return cls(layer, patch)


class Embeddings(nn.Module):
    def __init__(self, config: VisionConfig):
        super().__init__()
        width = config.layer.width
        self.class_embedding = nn.Parameter(Tensor(width))
        self.patch_embedding = nn.Conv2d(3, width, config.patch, config.patch, bias=False)
        self.position_embedding = nn.Embedding(config.layer.positions, width)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch_embedding(x).flatten(2).mT  # b n w
        whole = self.class_embedding.expand(len(x), 1, -1)
        return torch.cat((whole, patches), 1) + self.position_embedding.weight


class Layers(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))


class VisionModel(nn.Module):
    def __init__(self, config: VisionConfig):
        super().__init__()
        width = config.layer.width
        self.embeddings, self.encoder = Embeddings(config), Layers(config.layer)
        self.pre_layrnorm, self.post_layernorm = nn.LayerNorm(width), nn.LayerNorm(width)  # so spelt in the files


class ClipVisionNetwork(nn.Module):
    def __init__(self, config: VisionConfig):
        super().__init__()
        self.vision_model = VisionModel(config)
        if config.layer.projection is not None:
            self.visual_projection = nn.Linear(config.layer.width, config.layer.projection, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (b, 3, s, s), normalised -> the last states (b, n, w), those before (b, n, w), the embedding (b, p)."""
        seen = self.vision_model
        x = before = seen.pre_layrnorm(seen.embeddings(x))
        for layer in seen.encoder.layers:
            before, x = x, layer(x)
        pooled = seen.post_layernorm(x[:, 0])
        return x, before, self.visual_projection(pooled) if hasattr(self, "visual_projection") else pooled
