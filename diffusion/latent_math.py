"""Arithmetic on latents (b, c, h, w) or (b, c, t, h, w), and the operations that a LATENT_OPERATION socket carries."""

from __future__ import annotations

import torch
from torch import Tensor

from diffusion.filters import sharpen as sharpen_image
from diffusion.resample import repeat_to_batch, resize


def fit(x: Tensor, target: Tensor, method: str = "bilinear") -> Tensor:
    """x cropped and resized to the sides of target, keeping its own batch."""
    if x.shape[1] != target.shape[1]:
        raise ValueError(
            f"the latents have {target.shape[1]} and {x.shape[1]} channels: take both of one kind of model"
        )
    if x.shape[-2:] == target.shape[-2:]:
        return x
    return resize(x, target.shape[-1], target.shape[-2], method, "center")


def match(x: Tensor, target: Tensor) -> Tensor:
    """x cropped and resized to the sides of target, and repeated or cut to its batch."""
    return repeat_to_batch(fit(x, target), target.shape[0])


def blend(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """`weight` of a, and the rest of b, which is resized to a. Raises ValueError for batches of different sizes."""
    if len(b) not in (1, len(a)) and len(a) != 1:
        raise ValueError(f"samples1 holds {len(a)} latents and samples2 {len(b)}: give the same number, or one")
    return a * weight + fit(b, a, "bicubic") * (1 - weight)


def interpolate(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """Between b (weight 0) and a (1): the directions and the lengths of the channel vectors apart.

    The standard's lengths have no channel axis, so they meet the channels of a batch: only a batch of one gives what
    the words say. A batch of as many items as channels computes with lengths of other items, others are refused.
    """
    if a.shape[0] not in (1, a.shape[1]):
        raise ValueError(f"cannot interpolate a batch of {a.shape[0]} latents: interpolate them one by one")
    b = match(b, a)
    length_a, length_b = a.norm(dim=1), b.norm(dim=1)  # (b h w), which broadcasts as (1 b h w)
    mixed = _divide(a, length_a) * weight + _divide(b, length_b) * (1 - weight)
    return _divide(mixed, mixed.norm(dim=1)) * (length_a * weight + length_b * (1 - weight))


def _divide(x: Tensor, length: Tensor) -> Tensor:
    return torch.nan_to_num(x / length)


def join(a: Tensor, b: Tensor, dim: int, *, first: bool = True) -> Tensor:
    """a and b along `dim`, a `first` or last; b is repeated or cut to the batch of a."""
    others = [[s for i, s in enumerate(x.shape[1:], 1 - x.ndim) if i != dim] for x in (a, b)]
    if others[0] != others[1]:
        raise ValueError(
            f"latents of shapes {tuple(a.shape)} and {tuple(b.shape)} do not fit side by side: "
            "all but the joined side must agree"
        )
    b = repeat_to_batch(b, a.shape[0])
    return torch.cat((a, b) if first else (b, a), dim=dim)


# --- operations ----------------------------------------------------------------------------------


def sharpen(x: Tensor, *, radius: int, sigma: float, amount: float) -> Tensor:
    """x (b, c, h, w) with its directions sharpened (see `filters.sharpen`); the lengths come back unchanged."""
    length = x.norm(dim=1, keepdim=True) + 1e-6
    return sharpen_image(x / length, radius, sigma, amount) * length


def tonemap(x: Tensor, *, multiplier: float) -> Tensor:
    """Compress the lengths of the channel vectors of x (b, c, h, w), so that none exceeds a top value.

    Reinhard et al. 2002: m -> m / (1 + m / top), with top at mean + 5 standard deviations of each item's lengths,
    times `multiplier`. It keeps a guidance of high scale from burning out.
    """
    length = x.norm(dim=1, keepdim=True) + 1e-10  # b 1 h w
    over = tuple(range(1, x.ndim))
    top = (length.mean(over, keepdim=True) + 5 * length.std(over, keepdim=True)) * multiplier
    return x * top / (length + top)
