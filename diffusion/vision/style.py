"""Style models: what CLIP sees in a picture, as tokens behind those of the prompt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion import placement
from diffusion.conditioning import Conditioning, Entry
from diffusion.header import ModelFileError
from diffusion.parts import Part
from diffusion.placement import Resident
from diffusion.residual_attention import ResidualAttention
from diffusion.text import parameter_bytes
from diffusion.vision.encode import VisionOutput
from diffusion.vision.files import STYLE_MARK, style_shapes
from diffusion.weights import assemble, open_weights

HEADS = 8


class StyleAdapter(nn.Module):
    """Of T2I-Adapter (Mou et al. 2023): its own tokens look at those of the picture."""

    def __init__(self, tokens: int, width: int, depth: int, context: int):
        super().__init__()
        self.transformer_layes = nn.ModuleList(ResidualAttention(width, HEADS) for _ in range(depth))  # so spelt
        self.style_embedding = nn.Parameter(Tensor(1, tokens, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.proj = nn.Parameter(Tensor(width, context))

    def forward(self, x: Tensor) -> Tensor:
        """x (b, n, w), CLIP's last states -> (b, tokens, context)"""
        own = self.style_embedding.expand(len(x), -1, -1)
        x = self.ln_pre(torch.cat((x, own), 1))
        for layer in self.transformer_layes:
            x = layer(x)
        return self.ln_post(x[:, -own.shape[1] :]) @ self.proj


@dataclass(frozen=True, eq=False)
class StyleModel:
    """What STYLE_MODEL sockets carry."""

    name: str
    network: Resident
    width: int  # of the states that it reads

    @torch.no_grad()
    def tokens(self, seen: VisionOutput) -> Tensor:
        """(1, tokens of all pictures, context). Raises ValueError for states of another CLIP."""
        width = seen.last_hidden_state.shape[-1]
        if width != self.width:
            raise ValueError(
                f"the style model {self.name} reads what a CLIP vision network of width {self.width} sees, "
                f"not {width}; load the CLIP vision model that it was made for"
            )
        return self.network(seen.last_hidden_state).flatten(0, 1)[None]

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


def load(path: Path) -> StyleModel:
    """Raises ModelFileError if the file is no style model."""
    shapes = style_shapes(path)
    weights = open_weights(path).of(Part("", {n: n for n in shapes}, shapes))
    depth = len({name.split(".")[1] for name in shapes if name.startswith("transformer_layes.")})
    _, tokens, width = shapes[STYLE_MARK]
    if width % HEADS or "proj" not in shapes:
        raise ModelFileError(f"{path.name} is damaged: a style model's width is a multiple of {HEADS}, not {width}")
    network = assemble(lambda: StyleAdapter(tokens, width, depth, shapes["proj"][1]), weights, "style model")
    return StyleModel(path.name, Resident(network, placement.for_coder(), weights), width)


def apply(to: Iterable[Entry], model: StyleModel, seen: VisionOutput, strength: float) -> Conditioning:
    """Conditionings with the style's tokens, times `strength`, behind their own. ValueError for another width."""
    tokens = model.tokens(seen) * strength
    found: Conditioning = []
    for embedding, options in to:
        if embedding.shape[-1] != tokens.shape[-1]:
            raise ValueError(
                f"the style model {model.name} makes tokens {tokens.shape[-1]} wide, but the prompt's are "
                f"{embedding.shape[-1]} wide; use a style model and a checkpoint of the same family"
            )
        found.append((torch.cat((embedding, tokens.to(embedding).expand(len(embedding), -1, -1)), 1), dict(options)))
    return found
