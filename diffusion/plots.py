"""Curves over axes, drawn by Pillow: the histogram of a picture, the noise levels of schedules, maps of differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from diffusion.colors import luminance
from diffusion.labels import THEMES, Color, Theme, font, pictures_of, tensor_of

FINE = 3  # lines are drawn so many times larger and made smaller, so that they are smooth
TICKS = 5  # about so many on an axis
LEVELS = 256
TEXT = 13  # pixels
MARGIN = {"left": 58, "right": 18, "top": 54, "bottom": 42}


@dataclass(frozen=True)
class Curve:
    """Points (x, y) from left to right. fill: down to the axis, lightly; marks: a dot at each point."""

    points: Sequence[tuple[float, float]]
    color: Color
    name: str = ""
    fill: bool = False
    marks: bool = False


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, which differ, with a name and the places of its ticks (place, label)."""

    low: float
    high: float
    name: str
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


def linear(low: float, high: float, name: str, whole: bool = False) -> Axis:
    """An axis with ticks at round numbers. whole: only at whole ones."""
    span = (high - low) or 1.0
    raw = span / TICKS
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw)
    step = max(1.0, step) if whole else step
    first = math.ceil(low / step - 1e-9)
    places = [i * step for i in range(first, math.floor((low + span) / step + 1e-9) + 1)]
    return Axis(low, low + span, name, [(p, f"{p:.6g}") for p in places])


def logarithmic(low: float, high: float, name: str) -> Axis:
    """An axis of logarithms to base 10 of positive values, with ticks at 1, 2 and 5 times a power of ten."""
    bottom, top = math.log10(low), math.log10(high)
    if top - bottom < 0.3:
        bottom, top = bottom - 0.2, top + 0.2
    decades = range(math.floor(bottom), math.ceil(top) + 1)
    factors = (1, 2, 5) if top - bottom < 3 else (1,)
    places = [(math.log10(f) + d, f"{f * 10.0**d:g}") for d in decades for f in factors]
    return Axis(bottom, top, name, [(p, label) for p, label in places if bottom <= p <= top])


def chart(curves: Sequence[Curve], x: Axis, y: Axis, size: tuple[int, int], title: str, theme: Theme) -> Image.Image:
    """Curves over two axes as a picture of `size` (width, height), at least 160 x 120."""
    width, height = max(size[0], 160), max(size[1], 120)
    left, top = MARGIN["left"], MARGIN["top"]
    inner = (width - left - MARGIN["right"], height - top - MARGIN["bottom"])

    def at(px: float, py: float) -> tuple[float, float]:
        share = min(max(y.share(py), 0.0), 1.0)
        return (left + x.share(px) * inner[0]) * FINE, (top + (1 - share) * inner[1]) * FINE

    picture = Image.new("RGB", (width * FINE, height * FINE), theme.ground)
    draw = ImageDraw.Draw(picture, "RGBA")
    for place, _ in y.ticks:
        draw.line((*at(x.low, y.low + y.share(place) * (y.high - y.low)), *at(x.high, place)), theme.faint, FINE)
    for curve in curves:
        _draw(draw, curve, [at(*point) for point in curve.points], at(x.low, y.low)[1])
    draw.line((*at(x.low, y.low), *at(x.high, y.low)), theme.ink, FINE)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    _words(ImageDraw.Draw(picture), curves, x, y, (left, top, *inner), title, theme)
    return picture


def _draw(draw: ImageDraw.ImageDraw, curve: Curve, points: Sequence[tuple[float, float]], floor: float) -> None:
    if curve.fill and len(points) > 1:
        draw.polygon([(points[0][0], floor), *points, (points[-1][0], floor)], fill=(*curve.color, 70))
    if len(points) > 1:
        draw.line(points, fill=curve.color, width=2 * FINE - 1, joint="curve")
    for px, py in points if curve.marks else ():
        draw.ellipse((px - 3 * FINE, py - 3 * FINE, px + 3 * FINE, py + 3 * FINE), fill=curve.color)


def _words(
    draw: ImageDraw.ImageDraw,
    curves: Sequence[Curve],
    x: Axis,
    y: Axis,
    box: tuple[int, int, int, int],
    title: str,
    theme: Theme,
) -> None:
    left, top, width, height = box
    small, large = font(TEXT), font(TEXT + 2, title)
    for place, label in x.ticks:
        draw.text((left + x.share(place) * width, top + height + 5), label, theme.ink, small, anchor="ma")
    for place, label in y.ticks:
        draw.text((left - 6, top + (1 - y.share(place)) * height), label, theme.ink, small, anchor="rm")
    draw.text((left + width / 2, top + height + 22), x.name, theme.ink, small, anchor="ma")
    draw.text((left, top - 32), title, theme.ink, large, anchor="ls")
    at = left + width
    for curve in reversed([c for c in curves if c.name]):
        name = font(TEXT, curve.name)
        draw.text((at, top - 10), curve.name, theme.ink, name, anchor="rs")
        at -= name.getlength(curve.name) + 14
        draw.rectangle((at, top - 19, at + 9, top - 11), fill=curve.color)
        at -= 12
    if at > left:  # else the names of the curves are in its place
        draw.text((left - 6, top - 10), y.name, theme.ink, small, anchor="rs")


# --- what is drawn -------------------------------------------------------------------------------

RED, GREEN, BLUE = (214, 62, 62), (48, 160, 84), (66, 110, 220)
SERIES = ((66, 110, 220), (222, 120, 30))


def histograms(images: Tensor, scale: str, theme: str, size: tuple[int, int] = (512, 320)) -> Tensor:
    """For each picture (b, h, w, c) how many of its pixels have each of 256 levels, by channel: (b, height, width, 3).

    size: width and height. scale: "linear", cut where the peaks at black and white would press down all else, or
    "logarithmic".
    """
    return torch.cat([tensor_of(_histogram(one, scale, THEMES[theme], size)) for one in pictures_of(images, "image")])


def counts(levels: np.ndarray) -> np.ndarray:
    """How many of the values 0..255 have each level: (256,)"""
    return np.bincount(levels.ravel(), minlength=LEVELS)


def _histogram(picture: Image.Image, scale: str, theme: Theme, size: tuple[int, int]) -> Image.Image:
    pixels = np.asarray(picture)
    light = luminance(torch.from_numpy(pixels.astype(np.float32))).round().clamp(0, 255).numpy().astype(np.uint8)
    grey = bool((pixels == pixels[..., :1]).all())
    named = [("grey" if grey else "light", theme.ink, light)]
    if not grey:
        colors = (("red", RED), ("green", GREEN), ("blue", BLUE))
        named = [*((name, color, pixels[..., i]) for i, (name, color) in enumerate(colors)), *named]
    found = [(name, color, counts(values) / light.size) for name, color, values in named]
    inner = np.concatenate([shares[1:-1] for *_, shares in found])
    top = max(float(inner.max()) * 1.1, max(float(s.max()) for *_, s in found) * 0.05)
    x = Axis(0, 255, "level", [(n, str(n)) for n in (0, 64, 128, 192, 255)])
    if scale == "logarithmic":
        y = logarithmic(1 / light.size, 1.0, "share")
        curves = [_curve(name, color, np.log10(np.maximum(s, 1 / light.size)), grey) for name, color, s in found]
    else:
        y = linear(0, top * 100, "%")
        curves = [_curve(name, color, s * 100, grey) for name, color, s in found]
    clipped = f"black {_percent(light == 0)}, white {_percent(light == 255)}"
    title = f"mean {light.mean():.1f}, spread {light.std():.1f}" + (f", {clipped}" if size[0] >= 400 else "")
    return chart(curves, x, y, size, title, theme)


def _curve(name: str, color: Color, values: np.ndarray, fill: bool) -> Curve:
    return Curve(list(enumerate(values.tolist())), color, name, fill=fill or name not in ("light",))


def _percent(marked: np.ndarray) -> str:
    return f"{marked.mean() * 100:.2g} %"


def schedules(
    schedules_: Sequence[tuple[str, Tensor]], scale: str, theme: str, size: tuple[int, int] = (640, 400)
) -> Tensor:
    """The noise level of each step of named schedules, (1, height, width, 3).

    size: width and height. scale: "logarithmic", where 0 is the lower edge, or "linear". Raises ValueError for one
    without levels, or with a level below 0 or no number.
    """
    lists = [(name, [float(v) for v in sigmas]) for name, sigmas in schedules_]
    for name, levels in lists:
        if not levels:
            raise ValueError(f"{name} is an empty schedule; connect one with a step at least")
        if not all(0 <= v < math.inf for v in levels):
            raise ValueError(f"{name} holds a level that is no number from 0 on, so it cannot be drawn")
    every = [v for _, levels in lists for v in levels]
    positive = [v for v in every if v > 0] or [1.0]
    log = scale == "logarithmic"
    low = min(positive) / (1.6 if 0 in every else 1.15)
    y = logarithmic(low, max(positive) * 1.15, "sigma") if log else linear(0, max(positive) * 1.05, "sigma")
    if log and 0 in every:
        y = replace(y, ticks=[(y.low, "0"), *(tick for tick in y.ticks if y.share(tick[0]) > 0.06)])
    x = linear(0, max(1, max(len(levels) for _, levels in lists) - 1), "step", whole=True)
    curves = [
        Curve([(i, _place(v, y, log)) for i, v in enumerate(levels)], color, name, marks=len(levels) <= 60)
        for (name, levels), color in zip(lists, SERIES, strict=False)
    ]
    first = lists[0][1]
    title = f"{len(first) - 1} steps from {first[0]:.4g} to {first[-1]:.4g}"
    return tensor_of(chart(curves, x, y, size, title, THEMES[theme]))


def losses(values: Sequence[float], theme: str, size: tuple[int, int] = (640, 400), note: str = "") -> Tensor:
    """The loss of each step of a training, and its running mean over a twentieth of them: (1, height, width, 3).

    note: what the title says at its end. Raises ValueError without a step.
    """
    if not values:
        raise ValueError("there is no loss to draw; connect that of a training with a step at least")
    window = max(1, len(values) // 20)
    sums = np.cumsum(np.pad(np.asarray(values, dtype=np.float64), (window, 0), mode="edge"))
    mean = (sums[window:] - sums[:-window]) / window
    x = linear(1, max(2, len(values)), "step", whole=True)
    y = linear(0, float(np.quantile(values, 0.99)) * 1.15 or 1.0, "loss")
    steps = range(1, len(values) + 1)
    curves = [
        Curve(list(zip(steps, values, strict=True)), THEMES[theme].faint, "each step", marks=len(values) <= 2),
        Curve(list(zip(steps, mean.tolist(), strict=True)), BLUE, f"mean of {window}", marks=len(values) <= 2),
    ]
    title = f"{len(values)} steps, loss {mean[0]:.4g} to {mean[-1]:.4g}{note and ', '}{note}"
    return tensor_of(chart(curves, x, y, size, title, THEMES[theme]))


def _place(value: float, y: Axis, log: bool) -> float:
    return value if not log else math.log10(value) if value > 0 else y.low


# --- maps ----------------------------------------------------------------------------------------

HEAT = ((0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164))
"""Of even steps from nothing to all: brighter and warmer, also where colours cannot be told apart. After `inferno` of
Smith and van der Walt (CC0)."""
LEGEND = 34  # pixels


def heat(values: Tensor) -> Tensor:
    """values (b, h, w) in 0..1, cut there, as colours (b, h, w, 3)."""
    stops = torch.tensor(HEAT, dtype=torch.float32, device=values.device) / 255
    at = values.nan_to_num().clamp(0, 1) * (len(HEAT) - 1)
    below = at.floor().clamp(max=len(HEAT) - 2).long()
    return torch.lerp(stops[below], stops[below + 1], (at - below)[..., None])


def with_legend(maps: Tensor, highest: float, theme: str) -> Tensor:
    """Maps (b, h, w, 3), each over a bar of the colours from 0 to `highest`: (b, h + 34, w, 3)."""
    width = maps.shape[2]
    bar = Image.new("RGB", (width, LEGEND), THEMES[theme].ground)
    colors = heat(torch.linspace(0, 1, width)[None, None].expand(1, 10, width))
    bar.paste(pictures_of(colors)[0], (0, 4))
    draw, used = ImageDraw.Draw(bar), font(12)
    draw.text((2, 16), "0", THEMES[theme].ink, used)
    draw.text((width - 2, 16), f"{highest:.3g}", THEMES[theme].ink, used, anchor="ra")
    return torch.cat((maps.cpu(), tensor_of(bar).expand(len(maps), -1, -1, -1)), 1)
