"""The fourth channel: split and join it, and composite two pictures by it. Alpha is 1 - mask."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion.composite import resize_mask
from diffusion.masks import batched
from diffusion.resample import resize


def same_channels(first: Tensor, second: Tensor) -> Tensor:
    """second (b, h, w, c2) without the channels that first (b, h, w, c) lacks (usually its alpha)."""
    if first.shape[-1] > second.shape[-1]:
        raise ValueError(
            f"the first picture has {first.shape[-1]} channels and the second {second.shape[-1]}: "
            "split the alpha channel off the first, or join one to the second"
        )
    return second[..., : first.shape[-1]]


def split(image: Tensor) -> tuple[Tensor, Tensor]:
    """image (b, h, w, c) -> its colours (b, h, w, 3) and its mask (b, h, w), which is 0 where there is no alpha."""
    if image.shape[-1] > 3:
        return image[..., :3], 1 - image[..., 3]
    return image, image.new_zeros(image.shape[:3])


def join(image: Tensor, mask: Tensor) -> Tensor:
    """The colours of image (b, h, w, c) with the alpha 1 - mask, resized to it; the shorter batch decides."""
    mask = resize_mask(mask, image.shape[2], image.shape[1])[:, 0].to(image)
    length = min(len(image), len(mask))
    return torch.cat((image[:length, ..., :3], 1 - mask[:length, ..., None]), dim=-1)


# --- Porter & Duff, "Compositing Digital Images" (1984), and their usual extensions ---------------
# s, d: source and destination, already multiplied by their alphas sa and da; each gives (colour, alpha).

Operator = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _union(sa: Tensor, da: Tensor) -> Tensor:
    return sa + da - sa * da


OPERATORS: dict[str, Operator] = {
    "ADD": lambda s, sa, d, da: ((s + d).clamp(0, 1), (sa + da).clamp(0, 1)),
    "CLEAR": lambda s, sa, d, da: (torch.zeros_like(d), torch.zeros_like(da)),
    "DARKEN": lambda s, sa, d, da: ((1 - da) * s + (1 - sa) * d + torch.minimum(s, d), _union(sa, da)),
    "DST": lambda s, sa, d, da: (d, da),
    "DST_ATOP": lambda s, sa, d, da: (sa * d + (1 - da) * s, sa),
    "DST_IN": lambda s, sa, d, da: (d * sa, sa * da),
    "DST_OUT": lambda s, sa, d, da: ((1 - sa) * d, (1 - sa) * da),
    "DST_OVER": lambda s, sa, d, da: (d + (1 - da) * s, da + (1 - da) * sa),
    "LIGHTEN": lambda s, sa, d, da: ((1 - da) * s + (1 - sa) * d + torch.maximum(s, d), _union(sa, da)),
    "MULTIPLY": lambda s, sa, d, da: (s * d, sa * da),
    "OVERLAY": lambda s, sa, d, da: (
        torch.where(2 * d < da, 2 * s * d, sa * da - 2 * (da - s) * (sa - d)),
        _union(sa, da),
    ),
    "SCREEN": lambda s, sa, d, da: (s + d - s * d, _union(sa, da)),
    "SRC": lambda s, sa, d, da: (s, sa),
    "SRC_ATOP": lambda s, sa, d, da: (da * s + (1 - sa) * d, da),
    "SRC_IN": lambda s, sa, d, da: (s * da, sa * da),
    "SRC_OUT": lambda s, sa, d, da: ((1 - da) * s, (1 - da) * sa),
    "SRC_OVER": lambda s, sa, d, da: (s + (1 - sa) * d, sa + (1 - sa) * da),
    "XOR": lambda s, sa, d, da: ((1 - da) * s + (1 - sa) * d, (1 - da) * sa + (1 - sa) * da),
}


def porter_duff(
    source: Tensor, source_mask: Tensor, target: Tensor, target_mask: Tensor, mode: str
) -> tuple[Tensor, Tensor]:
    """source over (or in, out of, ...) target: images (b, h, w, c), masks (b, h, w) -> image in 0..1, mask.

    All are resized to the target (the source's mask to the target's mask) and cut to the shortest batch.
    """
    source_mask, target_mask = batched(source_mask), batched(target_mask)
    length = min(len(source), len(source_mask), len(target), len(target_mask))
    d, s = target[:length].movedim(-1, 1), same_channels(target, source)[:length].movedim(-1, 1).to(target)
    da, sa = (1 - m[:length, None].to(target) for m in (target_mask, source_mask))  # b 1 h w
    da, s = _fitted(da, d), _fitted(s, d)
    sa = _fitted(sa, da)
    color, alpha = OPERATORS[mode](s * sa, sa, d * da, da)
    color = torch.where(alpha > 1e-5, color / alpha, 0).clamp(0, 1)
    return color.movedim(1, -1), 1 - alpha[:, 0]


def _fitted(x: Tensor, like: Tensor) -> Tensor:
    height, width = like.shape[-2:]
    return x if x.shape[-2:] == like.shape[-2:] else resize(x, width, height, "bicubic", "center")
