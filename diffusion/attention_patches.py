"""Changes of a UNet's attention, and the guidance that is made of them.

Letters: b batch, n = h w tokens, c channels, m heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion.filters import separable
from diffusion.model import Model
from diffusion.network_patches import NetworkPatch
from diffusion.patches import Patch
from diffusion.placement import Resident
from diffusion.steering import Asking, GuidancePatch, Steering, Step
from diffusion.unet import Attention, SpatialTransformer, TransformerBlock, UNet

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from diffusion.guidance import Guider

KERNEL = 9  # of the blur of self-attention guidance


def in_the_middle(network: UNet) -> list[TransformerBlock]:
    """The transformer blocks at the bottom of a UNet."""
    layers = [part for part in network.middle_block if isinstance(part, SpatialTransformer)]
    return [block for part in layers for block in part.transformer_blocks if isinstance(block, TransformerBlock)]


# --- guidance by worse answers -------------------------------------------------------------------


def ignoring_itself(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
    """Each token at the bottom attends to itself alone."""

    def alone(part: Attention, inputs: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        return part.to_out(part.to_v(inputs[1]))

    for block in in_the_middle(network):
        yield block.attn1.register_forward_hook(alone)  # type: ignore[arg-type]


def perturbed_attention(scale: float) -> GuidancePatch:
    """PAG (Ahn et al. 2024): away from what the model answers without its self-attention at the bottom."""

    def start(guider: Guider, asking: Asking) -> Steering:
        if not scale or "positive" not in guider.sides:
            return Steering()
        worse = asking(_with(guider.model, ignoring_itself), {"positive": guider.sides["positive"]})

        def perturbed(step: Step, x0: Tensor) -> Tensor:
            return x0 + (step.positive - worse(step.x, step.sigma, ("positive",))["positive"]) * scale

        return Steering(after=perturbed)

    return GuidancePatch(start)


def _with(model: Model, patch: NetworkPatch) -> Model:
    return replace(model, network_patches=(*model.network_patches, patch))


def self_attention(scale: float, blur: float) -> GuidancePatch:
    """SAG (Hong et al. 2023): away from what the model answers where x0 is blurred in places that much attends to."""

    def start(guider: Guider, asking: Asking) -> Steering:
        if not scale or "negative" not in guider.needed:
            return Steering()
        seen: list[Tensor] = []
        sides = {"negative": guider.sides["negative"]}
        watched = asking(_with(guider.model, _watching(seen)), sides)
        plain = asking(guider.model, sides)

        def degraded(step: Step, x0: Tensor) -> Tensor:
            seen.clear()
            negative = watched(step.x, step.sigma, ("negative",))["negative"]
            if not seen:
                return x0
            blurred = torch.where(_attended(seen[-1], negative), _blurred(negative, blur), negative)
            worse = plain(blurred + step.x - negative, step.sigma, ("negative",))["negative"]
            return x0 + (blurred - worse) * scale

        return Steering(after=degraded)

    return GuidancePatch(start)


def _watching(seen: list[Tensor]) -> NetworkPatch:
    """Notes how much attention each token at the bottom gets, (b, 1, h, w)."""

    def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        size: list[torch.Size] = []

        def weigh(part: Attention, inputs: tuple[Tensor, Tensor], y: Tensor) -> None:
            q, k = (
                t.unflatten(-1, (part.heads, -1)).transpose(1, 2)  # b m n c/m
                for t in (part.to_q(inputs[0]), part.to_k(inputs[1]))
            )
            weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)  # b m n n
            seen[:] = [weights.mean(1).sum(1).unflatten(1, size[-1])[:, None]]

        def remember(part: nn.Module, inputs: tuple[Any, ...]) -> None:
            size.append(inputs[0].shape[2:])

        for block in in_the_middle(network)[:1]:
            yield network.middle_block.register_forward_pre_hook(remember)
            yield block.attn1.register_forward_hook(weigh)  # type: ignore[arg-type]

    return patch


def _attended(attention: Tensor, x0: Tensor) -> Tensor:
    """Where tokens get more attention than they give: (b, 1, h, w) at the size of x0."""
    more = (attention > 1).float()[-len(x0) :]
    return functional.interpolate(more, size=x0.shape[2:]).to(x0.device) > 0


def _blurred(x: Tensor, sigma: float) -> Tensor:
    if sigma <= 0:
        return x
    reach = min(KERNEL // 2, *(side - 1 for side in x.shape[2:]))
    kernel = torch.softmax(-torch.arange(-reach, reach + 1.0).square() / (2 * sigma**2), 0)
    return separable(x, kernel.to(x))


# --- fewer tokens --------------------------------------------------------------------------------


def transformers(network: UNet) -> Iterator[tuple[int, SpatialTransformer]]:
    """Each transformer over the pixels, with how often the picture is halved there."""
    depth = 0
    for config, block in zip(network.config.input_blocks, network.input_blocks, strict=True):
        depth += any(getattr(layer, "kind", "") == "down" for layer in config)
        yield from ((depth, part) for part in block.children() if isinstance(part, SpatialTransformer))
    yield from ((depth, part) for part in network.middle_block if isinstance(part, SpatialTransformer))
    for config, block in zip(network.config.output_blocks, network.output_blocks, strict=True):
        yield from ((depth, part) for part in block.children() if isinstance(part, SpatialTransformer))
        depth -= any(getattr(layer, "kind", "") == "up" for layer in config)


Way = Callable[[Tensor, tuple[int, int]], tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]]
"""(tokens (b, n, c), (h, w)) -> queries, keys, and the way back for the attention's answer."""


def _around(layer: SpatialTransformer, way: Way) -> Iterator[RemovableHandle]:
    """The self-attention of a transformer goes another way."""
    size: list[tuple[int, int]] = []
    back: list[Callable[[Tensor], Tensor]] = []

    def remember(part: nn.Module, inputs: tuple[Any, ...]) -> None:
        size[:] = [tuple(inputs[0].shape[2:])]

    def there(part: nn.Module, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        if inputs[0].shape[1] != size[0][0] * size[0][1]:  # another patch went its way before
            back.append(lambda y: y)
            return inputs
        queries, keys, way_back = way(inputs[0], size[0])
        back.append(way_back)
        return queries, keys

    def again(part: nn.Module, inputs: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        return back.pop()(y)

    yield layer.register_forward_pre_hook(remember)
    for block in layer.transformer_blocks:
        if isinstance(block, TransformerBlock) and not block.crossed:
            yield block.attn1.register_forward_pre_hook(there)
            yield block.attn1.register_forward_hook(again)


def hyper_tile(tile: int, options: int, max_depth: int, *, scale_depth: bool) -> NetworkPatch:
    """HyperTile: self-attention within tiles of at least `tile` pixels, whose number changes from step to step.

    options: among how many numbers of tiles a side is chosen, from sigma alone, so that a seed means one picture.
    scale_depth: tiles are as large in the picture at every depth.
    """
    latent = max(32, tile) // 8

    def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        draw = torch.Generator().manual_seed(hash(sigma) % 2**63)
        for depth, layer in transformers(network):
            if depth <= max_depth:
                least = latent * 2**depth if scale_depth else latent
                yield from _around(layer, lambda x, size, least=least: _tiled(x, size, least, options, draw))

    return patch


def _tiled(
    x: Tensor, size: tuple[int, int], least: int, options: int, draw: torch.Generator
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """x (b, n, c) -> (b rows columns, n / rows / columns, c)."""
    rows, columns = (_some_divisor(side, least, options, draw) for side in size)

    def cut(y: Tensor) -> Tensor:
        y = y.unflatten(1, (rows, size[0] // rows, columns, size[1] // columns))  # b rows h columns w c
        return y.transpose(2, 3).flatten(0, 2).flatten(1, 2)

    def joined(y: Tensor) -> Tensor:
        y = y.unflatten(0, (-1, rows, columns)).unflatten(3, (size[0] // rows, size[1] // columns))
        return y.transpose(2, 3).flatten(1, 4)

    tiles = cut(x)
    return tiles, tiles, joined


def _some_divisor(side: int, least: int, options: int, draw: torch.Generator) -> int:
    """Into how many parts of at least `least` a side is cut: one of the most."""
    parts = [n for n in range(side, 0, -1) if side % n == 0 and side // n >= min(least, side)][:options]
    return parts[int(torch.randint(len(parts), (), generator=draw))]


def merge_tokens(ratio: float) -> NetworkPatch:
    """ToMe (Bolya & Hoffman 2023): at full size the most similar tokens ask as one; `ratio` of all are merged.

    Which token of each 2 x 2 square others are merged into follows from sigma, so that a seed means one picture.
    """

    def patch(network: UNet, sigma: float) -> Iterator[RemovableHandle]:
        draw = torch.Generator().manual_seed(hash(sigma) % 2**63)
        for depth, layer in transformers(network):
            if depth == 0 and ratio > 0:
                yield from _around(layer, lambda x, size: _merged(x, size, ratio, draw))

    return patch


def _merged(
    x: Tensor, size: tuple[int, int], ratio: float, draw: torch.Generator
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """x (b, n, c) with the tokens that resemble one of the targets averaged into it; the keys stay."""
    b, n, c = x.shape
    rows, columns = size[0] // 2, size[1] // 2
    if not rows or not columns:
        return x, x, lambda y: y
    place = torch.randint(4, (rows, columns), generator=draw)
    down, right = torch.meshgrid(torch.arange(rows) * 2, torch.arange(columns) * 2, indexing="ij")
    target = ((down + place // 2) * size[1] + right + place % 2).flatten().to(x.device)
    others = torch.ones(n, dtype=torch.bool, device=x.device).index_fill_(0, target, False).nonzero().flatten()
    unit = functional.normalize(x, dim=-1)
    likeness, nearest = (unit[:, others] @ unit[:, target].mT).max(-1)  # b others
    order, count = likeness.argsort(-1, descending=True), min(len(others), int(n * ratio))
    gone, staying = order[:, :count], order[:, count:]
    into = nearest.gather(1, gone)

    def at(y: Tensor, index: Tensor) -> Tensor:
        return y.gather(1, index[..., None].expand(-1, -1, y.shape[2]))

    averaged = x[:, target].scatter_reduce(
        1, into[..., None].expand(-1, -1, c), at(x[:, others], gone), "mean", include_self=True
    )
    queries = torch.cat((at(x[:, others], staying), averaged), 1)

    def spread(y: Tensor) -> Tensor:
        kept, merged = y.split([staying.shape[1], len(target)], 1)
        out = y.new_empty(b, n, y.shape[2])
        out[:, target] = merged
        rest = y.new_empty(b, len(others), y.shape[2])
        rest.scatter_(1, staying[..., None].expand_as(kept), kept)
        rest.scatter_(1, gone[..., None].expand(-1, -1, y.shape[2]), at(merged, into))
        out[:, others] = rest
        return out

    return queries, x, spread


# --- weights multiplied --------------------------------------------------------------------------


def multiply(network: object, factors: Mapping[str, float]) -> Resident:
    """The network with the weights and biases of some layers multiplied. factors: by the ends of the layers' names.

    Raises ValueError where there are no such layers.
    """
    shapes = network.shapes if isinstance(network, Resident) else {}
    by_name = {
        name: factor
        for name in shapes
        for end, factor in factors.items()
        if name.rpartition(".")[0].endswith(f".{end}")
    }
    if not isinstance(network, Resident) or not by_name:
        raise ValueError(f"the model has no weights {', '.join(sorted(factors))} that could be multiplied")

    def times(factor: float) -> Patch:
        return Patch(("multiply", factor), lambda weight: weight * factor)

    changed = {name: (times(factor),) for name, factor in by_name.items() if factor != 1}
    return network.patched(changed) if changed else network


def temporal(network: object, structural: Mapping[str, float], in_time: Mapping[str, float]) -> Resident:
    """The network with the output of its attentions multiplied: of those over a picture, and of those over frames.

    structural, in_time: factors of attn1 (to itself) and attn2 (to the text). Networks for pictures have none in time.
    """
    shapes = network.shapes if isinstance(network, Resident) else {}
    layers = {name.rpartition(".")[0] for name in shapes}
    factors = {
        layer.partition(".")[2]: (in_time if ".time_stack." in layer else structural)[which]
        for layer in layers
        for which in structural
        if layer.endswith(f".{which}.to_out.0")
    }
    return multiply(network, factors)


# --- how it is computed --------------------------------------------------------------------------

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def computing_in(network: Any, dtype: str) -> Any:
    """The network computing in one of DTYPES; `default` is the type that it has."""
    return _placed(network).computing_in(DTYPES[dtype]) if dtype in DTYPES else network


def compiling(network: Any, backend: str) -> Resident:
    """The network compiled by torch: see `Resident.compiling`."""
    return _placed(network).compiling(backend)


def _placed(network: Any) -> Resident:
    if not isinstance(network, Resident):
        raise ValueError("the model has no weights, so there is nothing to place or to compile")
    return network
