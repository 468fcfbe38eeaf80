"""Where an IP-Adapter meets a UNet: each attention to the text looks at the tokens of pictures, too.

Letters: b batch, n pixels, t tokens, d width of the text, c channels, m heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion.placement import Resident
from diffusion.unet import Attention, SpatialTransformer, TransformerBlock, UNet

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

COMPOSITION, STYLE = 3, 6
"""The transformers of Stable Diffusion XL that draw the composition and the style (InstantStyle, Wang et al. 2024)."""
XL_TRANSFORMERS = 11
LEAST, WEAK = 0.05, 0.2


def attentions(network: UNet) -> Iterator[tuple[str, SpatialTransformer, Sequence[TransformerBlock]]]:
    """`input`, `output` or `middle`, each transformer, and its blocks: in the order of an IP-Adapter's layers."""
    places = (("input", network.input_blocks), ("output", network.output_blocks), ("middle", [network.middle_block]))
    for part, blocks in places:
        for block in blocks:
            for layer in block.children():
                if isinstance(layer, SpatialTransformer):
                    yield part, layer, cast("Sequence[TransformerBlock]", layer.transformer_blocks)


# --- how much it counts where --------------------------------------------------------------------

Profile = Callable[[str, float], float]
"""(`input`, `middle` or `output`, how far down the network, 0..1) -> a factor."""


def _weak(*parts: str) -> Profile:
    return lambda part, place: WEAK if part in parts else 1.0


def _eased(ease: Callable[[float], float]) -> Profile:
    return lambda part, place: LEAST + (1 - LEAST) * ease(place)


PROFILES: dict[str, Profile] = {
    "linear": lambda part, place: 1.0,
    "ease in": _eased(lambda place: 1 - place),
    "ease out": _eased(lambda place: place),
    "ease in-out": _eased(lambda place: 1 - abs(2 * place - 1)),
    "reverse in-out": _eased(lambda place: abs(2 * place - 1)),
    "weak input": _weak("input"),
    "weak output": _weak("output"),
    "weak middle": _weak("middle"),
    "strong middle": _weak("input", "output"),
}
ALONE = {"style transfer": (STYLE,), "composition": (COMPOSITION,), "style and composition": (STYLE, COMPOSITION)}
"""By the numbers of the only transformers that count."""


def profile(weight_type: str, network: UNet) -> list[float]:
    """A factor for each transformer, in the order of `attentions`. weight_type: one of PROFILES or ALONE.

    Raises ValueError for one that only Stable Diffusion XL has, and another network.
    """
    parts = [part for part, _, _ in attentions(network)]
    count = len(parts)
    later = {"input": 0, "output": parts.count("middle"), "middle": -parts.count("output")}
    run = [i + later[part] for i, part in enumerate(parts)]  # their numbers in the order in which the network computes
    if weight_type in PROFILES:
        return [PROFILES[weight_type](part, number / count) for part, number in zip(parts, run, strict=True)]
    if count != XL_TRANSFORMERS or not network.config.label_channels:
        raise ValueError(
            f"the weight type {weight_type!r} picks transformers of Stable Diffusion XL, and the model is none; "
            "use 'linear'"
        )
    return [float(number in ALONE[weight_type]) for number in run]


# --- the patch -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """A network patch. The tokens of a call (b, t, d) are its condition `name`, a mask (b, 1, H, W) is `mask`."""

    name: str
    layers: Resident
    factors: tuple[float, ...]  # one a transformer
    start: float  # holds from this sigma
    end: float  # down to this one
    keys_too: bool

    @property
    def mask(self) -> str:
        return f"{self.name}_mask"

    def __call__(self, network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        if not self.end <= sigma <= self.start:
            return
        given: dict[str, Any] = {}

        def remember(part: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
            given.update(kwargs)

        yield network.register_forward_pre_hook(remember, with_kwargs=True)
        own = iter(cast("nn.ModuleList", self.layers.ready()))
        for factor, (_, transformer, blocks) in zip(self.factors, attentions(network), strict=True):
            pairs = [(block.attn2, next(own)) for block in blocks]
            if factor:
                yield from self._added(transformer, pairs, factor, given)

    def _added(
        self,
        transformer: SpatialTransformer,
        pairs: Sequence[tuple[Attention, nn.Module]],
        factor: float,
        given: dict[str, Any],
    ) -> Iterator[RemovableHandle]:
        """The hooks of one transformer: the query is kept, and its answer added before the way out."""
        size: list[torch.Size] = []
        queries: list[Tensor] = []

        def measure(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            size[:] = [inputs[0].shape[2:]]

        def keep(part: nn.Module, inputs: Any, q: Tensor) -> None:
            queries[:] = [q]

        yield transformer.register_forward_pre_hook(measure)
        for attention, layer in pairs:

            def add(part: nn.Module, inputs: tuple[Tensor], attention: Attention = attention, layer: nn.Module = layer):
                k, v = layer(given[self.name])
                seen = _looked(queries.pop(), k * factor if self.keys_too else k, v * factor, attention.heads)
                if self.mask in given:
                    seen = seen * _at(given[self.mask], size[0]).to(seen)
                return (inputs[0] + seen,)

            yield attention.to_q.register_forward_hook(keep)
            yield attention.to_out.register_forward_pre_hook(add)


def _looked(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """(b, n, c), (b, t, c), (b, t, c) -> (b, n, c)"""
    q, k, v = (y.unflatten(-1, (heads, -1)).transpose(1, 2) for y in (q, k, v))  # b m n c/m
    return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def _at(mask: Tensor, size: torch.Size) -> Tensor:
    """A mask (b, 1, H, W) for the pixels of another size, (b, n, 1)."""
    return functional.interpolate(mask.float(), size=size, mode="bilinear", antialias=True).flatten(2).mT
