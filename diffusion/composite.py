"""Pasting one picture into another: (b, c, h, w) tensors, with an optional mask and position."""

from __future__ import annotations

from torch import Tensor

from diffusion.resample import repeat_to_batch, resize


def composite(
    destination: Tensor,
    source: Tensor,
    x: int,
    y: int,
    mask: Tensor | None = None,
    *,
    scale: int = 1,
    resize_source: bool = False,
) -> Tensor:
    """A copy of destination (b, c, h, w) with source (b2, c, h2, w2) pasted at (x, y); what overhangs is cut off.

    x, y: in pixels, `scale` of which are one element (8 for latents). The source may lie partly or wholly outside.
    mask: (b3, h3, w3) or (h3, w3), resized to the source; 1 takes the source, 0 keeps the destination.
    resize_source: stretch the source over the whole destination first. Batches are repeated or cut to b.
    """
    if source.shape[1] != destination.shape[1]:
        raise ValueError(
            f"the source has {source.shape[1]} channels and the destination {destination.shape[1]}: "
            "split or join the alpha channel of one of them first"
        )
    batch, _, height, width = destination.shape
    source = source.to(destination)
    if resize_source:
        source = resize(source, width, height, "bilinear")
    source = repeat_to_batch(source, batch)
    source_height, source_width = source.shape[-2:]
    left = max(-source_width * scale, min(x, width * scale)) // scale
    top = max(-source_height * scale, min(y, height * scale)) // scale
    rows, source_rows = overlap(top, source_height, height)
    columns, source_columns = overlap(left, source_width, width)
    part = source[..., source_rows, source_columns]
    if mask is not None:
        fitted = repeat_to_batch(resize_mask(mask, source_width, source_height).to(destination), batch)
        weight = fitted[..., source_rows, source_columns]
        part = weight * part + (1 - weight) * destination[..., rows, columns]
    result = destination.clone()
    result[..., rows, columns] = part
    return result


def overlap(start: int, length: int, size: int) -> tuple[slice, slice]:
    """Where `length` elements put at `start` meet 0..size: as a slice of the whole, and as one of what is put."""
    low, high = max(start, 0), max(min(start + length, size), max(start, 0))
    return slice(low, high), slice(low - start, high - start)


def resize_mask(mask: Tensor, width: int, height: int) -> Tensor:
    """mask (b, h, w), (b, 1, h, w) or (h, w) -> (b, 1, height, width), bilinear."""
    return resize(mask.reshape(-1, 1, *mask.shape[-2:]), width, height, "bilinear")
