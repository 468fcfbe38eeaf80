"""Where and when each conditioning of a run holds: areas, masks, strengths and ranges of steps, resolved once a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.prediction import Prediction

Conditioning = Sequence[tuple[Tensor, Mapping[str, Any]] | list[Any]]

FEATHER = 8  # latent pixels
SMALLEST_BOUNDS = 8


@dataclass(frozen=True, eq=False)
class Box:
    """A part of the latent: sizes and offsets, one a dimension, (h, w) and (y, x) for pictures."""

    size: tuple[int, ...]
    offset: tuple[int, ...]

    def crop(self, x: Tensor) -> Tensor:
        """The part of x (..., h, w), as a view."""
        return x[(..., *(slice(o, o + s) for o, s in zip(self.offset, self.size, strict=True)))]

    def encloses(self, other: Box) -> bool:
        sides = zip(self.offset, self.size, other.offset, other.size, strict=True)
        return all(o <= p and o + s >= p + t for o, s, p, t in sides)

    @property
    def volume(self) -> int:
        return math.prod(self.size)


@dataclass(frozen=True, eq=False)
class Region:
    """One conditioning, with where and when it holds."""

    conditions: Mapping[str, Tensor]  # `context` (1 or b, t, d), and others that the network takes
    area: Box | None = None  # None: everywhere
    mask: Tensor | None = None  # (b, h, w) at latent resolution
    strength: float = 1.0
    start: float = float("inf")  # holds from this sigma
    end: float = 0.0  # down to this one
    default: bool = False  # fills what the others of its side leave
    control: Any = None  # a `control.apply.Applied`
    shares_control: bool = False  # with the other sides, where they have none
    boxes: Any = None  # a `gligen.Boxes`
    hooks: tuple[Any, ...] = ()  # of `hooks.Hook`: which weights it is asked with

    @property
    def limited(self) -> bool:
        """Whether it may not hold at some sigma."""
        return self.start < float("inf") or self.end > 0

    def holds(self, sigma: float) -> bool:
        return self.end <= sigma <= self.start

    def same_place(self, other: Region) -> bool:
        a, b = self.area, other.area
        return a is b or (a is not None and b is not None and (a.size, a.offset) == (b.size, b.offset))


def resolve(
    conditioning: Conditioning,
    prediction: Prediction,
    shape: Sequence[int],
    others: Callable[[Mapping[str, Any]], Mapping[str, Tensor]] = lambda options: {},
) -> list[Region]:
    """The regions of one side of the guidance for a latent of `shape` (b, c, ..., h, w).

    others: what the network takes beside the text, made of a conditioning's options.

    Options read: area (sizes, then offsets, in latent pixels, or "percentage" and shares of the latent), strength, mask
    (b, H, W) of any resolution, mask_strength, set_area_to_bounds, start_percent, end_percent, default. Raises
    ValueError for an area outside of the latent.
    """
    return [
        _region(
            {"context": context, **_controls_text(options), **others(options)}, options, prediction, tuple(shape[2:])
        )
        for context, options in conditioning
    ]


def _controls_text(options: Mapping[str, Any]) -> dict[str, Tensor]:
    """The text that a ControlNet reads, where it is another than the model's."""
    text = options.get("cross_attn_controlnet")
    return {} if text is None else {"control_context": text}


def _region(
    conditions: Mapping[str, Tensor], options: Mapping[str, Any], prediction: Prediction, size: tuple[int, ...]
) -> Region:
    mask = _mask(options["mask"], size) if options.get("mask") is not None else None
    area = _area(options.get("area"), size)
    if mask is not None and options.get("set_area_to_bounds"):
        area = _bounds(mask)
    start, end = options.get("start_percent"), options.get("end_percent")
    return Region(
        conditions=conditions,
        area=_cut(area, size) if area else None,
        mask=mask,
        strength=options.get("strength", 1.0) * (options.get("mask_strength", 1.0) if mask is not None else 1.0),
        start=float("inf") if start is None else prediction.percent_to_sigma(start),
        end=0.0 if end is None else prediction.percent_to_sigma(end),
        default=bool(options.get("default")),
        control=options.get("control"),
        shares_control=bool(options.get("control_apply_to_uncond")),
        boxes=options.get("gligen"),
        hooks=tuple(options.get("hooks") or ()),
    )


def _mask(mask: Tensor, size: tuple[int, ...]) -> Tensor:
    mask = mask.float().reshape(-1, *mask.shape[-2:])
    if mask.shape[1:] == size[-2:]:
        return mask
    return functional.interpolate(mask[:, None], size=size[-2:], mode="bilinear")[:, 0]


def _area(area: Sequence[Any] | None, size: tuple[int, ...]) -> Box | None:
    if area is None:
        return None
    if area[0] == "percentage":
        shares, dims = area[1:], len(size)
        sizes = tuple(max(1, round(p * n)) for p, n in zip(shares[:dims], size, strict=True))
        return Box(sizes, tuple(round(p * n) for p, n in zip(shares[dims:], size, strict=True)))
    return Box(tuple(area[: len(size)]), tuple(area[len(size) :]))


def _bounds(mask: Tensor) -> Box:
    """The box around all that is not 0 in any mask of the batch; at least 8 x 8, and at the corner if all is 0."""
    marked = mask.abs().amax(0) != 0
    if not marked.any():
        return Box((SMALLEST_BOUNDS,) * 2, (0, 0))
    rows, columns = marked.any(1).nonzero().flatten(), marked.any(0).nonzero().flatten()
    ends = [(int(i[0]), int(i[-1])) for i in (rows, columns)]
    return Box(tuple(max(SMALLEST_BOUNDS, b - a + 1) for a, b in ends), tuple(a for a, _ in ends))


def _cut(box: Box, size: tuple[int, ...]) -> Box:
    cut = tuple(min(s, n - o) for s, o, n in zip(box.size, box.offset, size, strict=True))
    if min(cut) < 1:
        raise ValueError(
            f"a conditioning's area begins at {box.offset} (latent pixels), outside of the latent of {size}; "
            "move it, or make the picture larger"
        )
    return Box(cut, box.offset)


# --- weights -------------------------------------------------------------------------------------


def weight(region: Region, shape: Sequence[int], device: torch.device) -> Tensor:
    """How much the region counts at each place of its area, (1 or b, 1, h, w): strength, mask, and softened edges.

    Edges inside the latent are ramps of up to 8 pixels, a quarter of the area at most; a mask has its own edges.
    """
    area = region.area
    if region.mask is not None:
        mask = batched(region.mask, shape[0]) if len(region.mask) > 1 else region.mask
        mask = mask.reshape(len(mask), 1, *(1,) * (len(shape) - 4), *mask.shape[1:])
        return (_crop_mask(mask, area) * region.strength).to(device)
    size = area.size if area else tuple(shape[2:])
    result = torch.full((1, 1, *size), float(region.strength))
    if area:
        for axis, (n, offset, whole) in enumerate(zip(size, area.offset, shape[2:], strict=True), 2):
            ramp = _ramp(n, offset > 0, offset + n < whole)
            result *= ramp.reshape([-1 if i == axis else 1 for i in range(result.dim())])
    return result.to(device)


def _crop_mask(mask: Tensor, area: Box | None) -> Tensor:
    return Box(area.size[-2:], area.offset[-2:]).crop(mask) if area else mask


def _ramp(size: int, before: bool, after: bool) -> Tensor:
    """1 in the middle, rising from the ends that are marked."""
    width = min(FEATHER, size // 4)
    rise = torch.arange(1, width + 1) / max(width, 1)
    ramp = torch.ones(size)
    if before:
        ramp[:width] *= rise
    if after:
        ramp[size - width :] *= rise.flip(0)
    return ramp


def batched(x: Tensor, batch: int) -> Tensor:
    """x (n, ...) repeated and cut to (batch, ...)."""
    if len(x) == batch:
        return x
    return x.repeat(-(-batch // len(x)), *(1,) * (x.dim() - 1))[:batch]


# --- both sides ----------------------------------------------------------------------------------


def mirror_areas(sides: Mapping[str, list[Region]]) -> None:
    """Give each side, in place, the areas of the others: a network that sees a crop on one side has to see it on all.

    The text is that of the smallest region there that encloses the area; nothing where the same area exists.
    """
    for name, regions in sides.items():
        for region in regions:  # grows while the areas that it lacks come in; those find themselves on the other sides
            if region.area is None:
                continue
            for other in (side for key, side in sides.items() if key != name):
                nearest = _enclosing(region.area, other)
                if nearest and not region.same_place(nearest):
                    other.append(replace(region, conditions=nearest.conditions, hooks=nearest.hooks))


def mirror_controls(sides: Mapping[str, list[Region]]) -> None:
    """Give the other sides, in place, the controls of the positive that are meant for both, and its boxes."""
    positive = [r for r in sides.get("positive", ()) if r.area is None]
    _mirror(sides, "control", [r.control for r in positive if r.control and r.shares_control])
    _mirror(sides, "boxes", [r.boxes for r in positive if r.boxes])


def _mirror(sides: Mapping[str, list[Region]], name: str, shared: Sequence[Any]) -> None:
    """Only where no area is set, and only to sides that have none. More of them than conditionings make copies."""
    for side, regions in sides.items():
        whole = [i for i, r in enumerate(regions) if r.area is None]
        if side == "positive" or not whole or any(getattr(regions[i], name) for i in whole):
            continue
        for n, value in enumerate(shared):
            i = whole[n % len(whole)]
            changed = replace(regions[i], **{name: value})
            if n < len(whole):
                regions[i] = changed
            else:
                regions.append(changed)


def _enclosing(area: Box, regions: Sequence[Region]) -> Region | None:
    inside = [r for r in regions if r.area and r.area.encloses(area)]
    everywhere = [r for r in regions if r.area is None]
    return min(inside, key=lambda r: r.area.volume if r.area else 0, default=everywhere[0] if everywhere else None)
