"""Conditionings: lists of (embedding (b, tokens, width), options). No function changes what it is given."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from diffusion.resample import resize

Entry = Sequence[Any]  # (embedding, options), as a tuple or a list
Conditioning = list[tuple[Tensor, dict[str, Any]]]


def with_options(conditioning: Iterable[Entry], options: Mapping[str, Any]) -> Conditioning:
    """Every entry with these options set."""
    return [(embedding, {**old, **options}) for embedding, old in conditioning]


def appended(conditioning: Iterable[Entry], key: str, value: Any) -> Conditioning:
    """Every entry with a value at the end of the list that an option holds."""
    return [(embedding, {**old, key: [*old.get(key, ()), value]}) for embedding, old in conditioning]


def combine(*parts: Iterable[Entry]) -> Conditioning:
    """All entries: each takes part in every step."""
    return [(embedding, dict(options)) for part in parts for embedding, options in part]


def concat(to: Iterable[Entry], after: Sequence[Entry]) -> Conditioning:
    """Every entry of `to` with the tokens of the first entry of `after` behind its own."""
    tokens, _ = _first(after, "conditioning_from")
    return _mapped(to, tokens, lambda embedding: torch.cat((embedding, tokens), 1))


def average(to: Iterable[Entry], other: Sequence[Entry], weight: float) -> Conditioning:
    """weight of every entry of `to` and 1 - weight of the first entry of `other`, pooled outputs likewise.

    The other's tokens are cut, or filled up with zeros, to the number of the entry's.
    """
    tokens, options = _first(other, "conditioning_from")
    pooled = options.get("pooled_output")

    def mixed(a: Tensor, b: Tensor) -> Tensor:
        return torch.mul(a, weight) + torch.mul(b, 1 - weight)

    return [
        (embedding, {**old, **_pooled(old.get("pooled_output"), pooled, mixed)})
        for embedding, old in _mapped(to, tokens, lambda e: mixed(e, _fitted(tokens, e.shape[1])))
    ]


def _pooled(mine: Tensor | None, other: Tensor | None, mixed: Callable[[Tensor, Tensor], Tensor]) -> dict[str, Tensor]:
    """The pooled output of an average, where there is a new one."""
    if other is None:
        return {}
    return {"pooled_output": other if mine is None else mixed(mine, other)}


def _fitted(tokens: Tensor, count: int) -> Tensor:
    """tokens (b, t, d) -> (b, count, d)"""
    return torch.nn.functional.pad(tokens[:, :count], (0, 0, 0, max(0, count - tokens.shape[1])))


def zero_out(conditioning: Iterable[Entry]) -> Conditioning:
    """Embeddings and pooled outputs of zeros."""
    return [
        (torch.zeros_like(embedding), {k: torch.zeros_like(v) if _is_pooled(k, v) else v for k, v in options.items()})
        for embedding, options in conditioning
    ]


def _is_pooled(key: str, value: Any) -> bool:
    return key == "pooled_output" and value is not None


def in_area(conditioning: Iterable[Entry], area: Sequence[int | str | float], strength: float) -> Conditioning:
    """Every entry within an area only: (h, w, y, x) in latent elements, or ("percentage", h, w, y, x) in 0..1.

    With frames it is ("percentage", t, h, w, z, y, x).
    """
    return with_options(conditioning, {"area": tuple(area), "strength": strength, "set_area_to_bounds": False})


def in_mask(conditioning: Iterable[Entry], mask: Tensor, strength: float, bounds: bool) -> Conditioning:
    """Every entry weighed by mask (b, h, w) or (h, w). bounds: the model sees only the box around the mask."""
    mask = mask if mask.ndim > 2 else mask[None]
    return with_options(conditioning, {"mask": mask, "set_area_to_bounds": bounds, "mask_strength": strength})


def in_range(conditioning: Iterable[Entry], start: float, end: float) -> Conditioning:
    """Every entry in a part of the steps only: 0 is the beginning of the whole schedule, 1 its end.

    Warns of a part that ends before it begins, in which nothing ever holds.
    """
    if end < start:
        warnings.warn(
            f"the part of the steps from {start:g} to {end:g} ends before it begins, so the prompt never holds: "
            "exchange the two",
            stacklevel=3,
        )
    return with_options(conditioning, {"start_percent": start, "end_percent": end})


def with_properties(
    conditioning: Iterable[Entry],
    *,
    strength: float,
    bounds: bool,
    mask: Tensor | None = None,
    hooks: Any = None,
    steps: tuple[float, float] | None = None,
) -> Conditioning:
    """What is given of a mask with its strength, hooks, and a range of steps (start, end), set on every entry.

    Hooks come to those that an entry has.
    """
    found = with_hooks(conditioning, hooks)
    if mask is not None:
        found = in_mask(found, mask, strength, bounds)
    return found if steps is None else in_range(found, *steps)


def with_hooks(conditioning: Iterable[Entry], hooks: Iterable[Any] | None) -> Conditioning:
    """Every entry with hooks, beside those that it has; each hook once."""
    if not hooks:
        return combine(conditioning)
    return [
        (embedding, {**old, "hooks": tuple(dict.fromkeys((*old.get("hooks", ()), *hooks)))})
        for embedding, old in conditioning
    ]


def for_upscaling(images: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    """What Stable Diffusion's x4 upscaler is shown: images (b, h, w, c) as (b, c, h', w') in -1..1, and empty latents.

    h', w': a quarter of the sizes that the result shall have, `ratio` times those of the images.
    """
    batch, height, width, _ = images.shape
    small = (max(1, round(height * ratio)) // 4, max(1, round(width * ratio)) // 4)
    if min(small) < 1:
        raise ValueError(f"{width} x {height} pixels times {ratio:g} are less than 4 x 4: raise scale_ratio")
    pixels = resize(images.movedim(-1, 1) * 2 - 1, small[1], small[0], "bilinear", "center")
    return pixels, torch.zeros(batch, 4, *small)


def _first(conditioning: Sequence[Entry], name: str) -> Entry:
    if not conditioning:
        raise ValueError(f"{name} is empty: connect a conditioning that has an entry")
    return conditioning[0]


def _mapped(to: Iterable[Entry], tokens: Tensor, change: Callable[[Tensor], Tensor]) -> Conditioning:
    """Every entry with a changed embedding, where it can meet `tokens`."""
    found: Conditioning = []
    for embedding, options in to:
        if embedding.shape[-1] != tokens.shape[-1]:
            raise ValueError(
                f"conditioning_to has embeddings of width {embedding.shape[-1]} and conditioning_from of width "
                f"{tokens.shape[-1]}: encode both with the text encoder of the same model"
            )
        found.append((change(embedding), dict(options)))
    return found
