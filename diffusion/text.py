"""From a prompt to conditioning: the handle that CLIP sockets carry."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion import embedding_files, embeddings, patches
from diffusion.clip import ClipConfig
from diffusion.emphasis import STANDARD, Group, Language, Weigh
from diffusion.prompt import Chunk, Vector, chunks, pieces
from diffusion.tokenizer import END, tokenize


@dataclass(frozen=True)
class Encoder:
    """A text network, and how a family of models uses it.

    network: called as `ClipText` is. layer: which states are taken, from the end (-1 the last). norm: whether the final
    layer norm is applied to them. project: whether the pooled text is projected.
    """

    name: str  # clip_l or clip_g, as embeddings for several networks call it
    network: Callable[..., tuple[Tensor, Tensor]]
    config: ClipConfig
    pad: int
    layer: int
    norm: bool
    project: bool


def stable_diffusion_1(network: Callable[..., Any], config: ClipConfig) -> Encoder:
    """CLIP-L as Stable Diffusion 1 uses it: the last states, with the final layer norm."""
    return Encoder("clip_l", network, config, pad=END, layer=-1, norm=True, project=False)


def stable_diffusion_2(network: Callable[..., Any], config: ClipConfig, layer: int = -2) -> Encoder:
    """OpenCLIP-H as Stable Diffusion 2 uses it: the last states but one, with the final layer norm.

    layer: -1 for a network that was stored without its last layer.
    """
    return Encoder("clip_h", network, config, pad=0, layer=layer, norm=True, project=config.projection is not None)


def xl_small(network: Callable[..., Any], config: ClipConfig) -> Encoder:
    """CLIP-L as Stable Diffusion XL uses it: the last states but one, as they are."""
    return Encoder("clip_l", network, config, pad=END, layer=-2, norm=False, project=False)


def xl_large(network: Callable[..., Any], config: ClipConfig) -> Encoder:
    """OpenCLIP-G as Stable Diffusion XL uses it: likewise, and its pooled text is projected."""
    return Encoder("clip_g", network, config, pad=0, layer=-2, norm=False, project=config.projection is not None)


@dataclass(frozen=True)
class Clip:
    """Text networks, whose features are joined, and the folders of embeddings. Without folders, `embedding:` is text.

    skip: which states are taken, from the end; None: those of the family.
    """

    encoders: tuple[Encoder, ...]
    embeddings: tuple[Path, ...] = ()
    skip: int | None = None

    def with_layer(self, layer: int) -> Clip:
        """Take the states after another layer: -1 the last, -2 the one before. Deeper than the network is the last."""
        return replace(self, skip=layer)

    def encode(self, text: str | Mapping[str, str], language: Language = STANDARD) -> tuple[Tensor, dict[str, Any]]:
        """The conditioning of a prompt: (1, 77 n, w), and `pooled_output` (1, w) of the last network.

        text: one for all networks, or one for each by its name. Chunks of 77 tokens are encoded apart and joined.
        language: how weights are written, and what they do.
        Raises ValueError for a weight that is no finite number.
        """
        texts = {e.name: text if isinstance(text, str) else text[e.name] for e in self.encoders}
        tokens = {e.name: self.tokenize(texts[e.name], e, language) for e in self.encoders}
        longest = max(map(len, tokens.values()))
        if not isinstance(text, str):
            tokens = {
                e.name: tokens[e.name] + chunks([], e.pad) * (longest - len(tokens[e.name])) for e in self.encoders
            }
        layers = {e.name: e.layer if self.skip is None else self.skip for e in self.encoders}
        results = [encode(e, tokens[e.name], layers[e.name], language.weigh) for e in self.encoders]
        length = min(states.shape[1] for states, _ in results)
        joined = torch.cat([states[:, :length] for states, _ in results], -1)
        return joined, {"pooled_output": results[-1][1]}

    def conditioning(
        self, text: str | Mapping[str, str], language: Language = STANDARD
    ) -> list[tuple[Tensor, dict[str, Any]]]:
        """The same as a list of conditionings; text networks with hooks give several for one prompt."""
        return [self.encode(text, language)]

    def tokenize(self, text: str, encoder: Encoder, language: Language = STANDARD) -> list[Chunk]:
        """The chunks of a prompt as one of the networks gets them."""
        found: list[Chunk] = []
        for passage in language.passages(text):
            groups: list[Group] = []
            for segment, weight in passage:
                if not math.isfinite(weight):
                    raise ValueError(f"the prompt gives {segment!r} the weight {weight}; write brackets as \\( and \\)")
                groups += self._groups(segment, weight, encoder.name) if self.embeddings else [_group(segment, weight)]
            found += language.pack(groups, encoder.pad)
        return found

    def _groups(self, segment: str, weight: float, encoder: str) -> list[Group]:
        groups: list[Group] = []
        for piece in pieces(segment):
            text = piece.text
            if piece.name is not None:
                name, text, path = embedding_files.resolve(piece.name, text, self.embeddings)
                if path is None:
                    warnings.warn(f"the embedding {name!r} is not in models/embeddings; it is left out", stacklevel=2)
                else:
                    groups.append([(vector, weight) for vector in embeddings.load(path, name, encoder)])
            groups.append(_group(text, weight))
        return groups

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return sum(parameter_bytes(e.network) for e in self.encoders)


def parameter_bytes(network: Any) -> int:
    """The size of a network's weights, or only of its patches where the weights are another handle's too.

    The network may be wrapped by its place.
    """
    if changes := getattr(network, "patches", None):
        return patches.nbytes(changes)
    module = getattr(network, "module", network)
    return sum(p.nbytes for p in module.parameters()) if isinstance(module, torch.nn.Module) else 0


def _group(text: str, weight: float) -> Group:
    return [(token, weight) for token in tokenize(text)]


@torch.no_grad()
def encode(
    encoder: Encoder, prompt: Sequence[Chunk], layer: int, weigh: Weigh = STANDARD.weigh
) -> tuple[Tensor, Tensor]:
    """The states of a prompt (1, 77 n, w), and its pooled text (1, w), which is that of the first chunk, unweighted.

    weigh: what the weights of the tokens do.
    """
    fitting = [_fitting(chunk, encoder) for chunk in prompt]
    states, pooled = weigh(lambda some: _run(encoder, some, layer), fitting, encoder.pad)
    return states.flatten(0, 1)[None], pooled[:1]


def _fitting(chunk: Chunk, encoder: Encoder) -> Chunk:
    """Without the vectors that were trained for another network."""
    width = encoder.config.width
    strange = {t.name: len(t.values) for t, _ in chunk if isinstance(t, Vector) and len(t.values) != width}
    for name, got in strange.items():
        warnings.warn(f"embedding {name!r} is {got} wide, but the text encoder {width}; it is left out", stacklevel=2)
    kept = [(t, w) for t, w in chunk if not (isinstance(t, Vector) and t.name in strange)]
    return kept + [(encoder.pad, 1.0)] * (len(chunk) - len(kept))


def _run(encoder: Encoder, prompt: Sequence[Chunk], layer: int) -> tuple[Tensor, Tensor]:
    tokens = torch.tensor([[0 if isinstance(t, Vector) else t for t, _ in chunk] for chunk in prompt])  # n 77
    where = torch.tensor([[isinstance(t, Vector) for t, _ in chunk] for chunk in prompt])
    vectors = [t.values for chunk in prompt for t, _ in chunk if isinstance(t, Vector)]
    stacked = torch.stack(vectors) if vectors else torch.empty(0, encoder.config.width)
    count = encoder.config.layers
    depth = count if -layer > count else count + 1 + layer
    return encoder.network(tokens, where, stacked, layer=depth, norm=encoder.norm, project=encoder.project)
