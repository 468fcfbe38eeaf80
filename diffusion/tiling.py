"""Coding a picture in overlapping tiles, so that memory is needed for one tile only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

Code = Callable[[Tensor], Tensor]


def code_tiled(x: Tensor, code: Code, height: int, width: int, overlap: int, factor: float) -> Tensor:
    """x (b, c, h, w) -> (b, c2, h factor, w factor), `code` being applied to tiles of one item each.

    The average of three tilings (tiles as given, half as wide and twice as high, twice as wide and half as high), so
    that no seam of one is a seam of the others. Sizes are in elements of x, each tile shares `overlap` with the next.
    Raises ValueError where the overlap leaves nothing of half a tile.
    """
    if overlap < 0 or 2 * overlap >= min(height, width):
        raise ValueError(f"overlap {overlap} is too much for tiles of {width} x {height}: use less than half a tile")
    shapes = ((height, width), (height * 2, width // 2), (height // 2, width * 2))
    items: list[Tensor] = []
    for item in x.split(1):
        tilings = [one_tiling(item, code, h, w, overlap, factor) for h, w in shapes]
        items.append((tilings[0] + tilings[1] + tilings[2]) / 3)
    return torch.cat(items)


def one_tiling(x: Tensor, code: Code, height: int, width: int, overlap: int, factor: float) -> Tensor:
    """One item (1, c, h, w) -> (1, c2, h factor, w factor) by one tiling. What fits into a tile is coded as it is.

    Each tile fades out towards its edges, and the sum is divided by the sum of the weights.
    """
    if x.shape[2] <= height and x.shape[3] <= width:
        return code(x)
    rows = list(_spans(x.shape[2], height, overlap))
    columns = list(_spans(x.shape[3], width, overlap))
    size = round(x.shape[2] * factor), round(x.shape[3] * factor)
    fade = round(overlap * factor)
    total, weights = torch.zeros(()), torch.zeros(size)
    for (top, bottom), (left, right) in product(rows, columns):
        tile = code(x[:, :, top:bottom, left:right])  # 1 c h w
        if not total.dim():
            total, weights = tile.new_zeros(1, tile.shape[1], *size), weights.to(tile)
        y, x0 = round(top * factor), round(left * factor)
        place = (..., slice(y, y + tile.shape[2]), slice(x0, x0 + tile.shape[3]))
        weight = _ramp(tile.shape[2], fade)[:, None] * _ramp(tile.shape[3], fade)
        total[place] += tile * weight.to(tile)
        weights[place] += weight.to(tile)
    return total / weights


def count_tiles(size: Sequence[int], tile: int, overlap: int) -> int:
    """How many square tiles an item of size (h, w) takes."""
    return math.prod(len(list(_spans(side, tile, overlap))) for side in size)


def _spans(size: int, tile: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Where the tiles along one side begin and end; the last one may be shorter."""
    starts = range(0, size - overlap, tile - overlap) if size > tile else (0,)
    return ((start, min(start + tile, size)) for start in starts)


def _ramp(size: int, fade: int) -> Tensor:
    """1, but on the first and last `fade` elements rising and falling by 1/fade."""
    steps = torch.arange(1, size + 1)
    return ((steps / fade).clamp(max=1) * (steps.flip(0) / fade).clamp(max=1)) if fade else torch.ones(size)
