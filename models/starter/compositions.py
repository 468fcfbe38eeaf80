"""Simple compositions of the icons: a thing on a plate, two things side by side, two or three of the same thing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from models.starter import captions, draw
from models.starter.captions import Words
from models.starter.names import Name

AMOUNTS = {"plate": 700, "pair": 3000, "count": 900}
"""How many pictures of each kind, in all styles together."""
SHARES = {"flat": 0.70, "3d": 0.15, "noto": 0.08, "line": 0.07}
WHITE = 0.6  # of the backgrounds
PLATES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
WHITE_PLATES = 0.3
PLATE = (64, 94, 60, 23)  # its middle, and half its width and height
SITS = 100  # how far down a thing on a plate reaches: a little before the middle of the plate
ROW = 0.3  # of three things: the others stand in a triangle


class Thing(NamedTuple):
    """A name and its icon in one style, RGBA (h, w, 4)."""

    name: Name
    pixels: np.ndarray


class Layer(NamedTuple):
    """A part of a picture, RGBA (h, w, 4), and where it lies."""

    pixels: np.ndarray
    left: int
    top: int


class Composition(NamedTuple):
    """A picture (128, 128, 3) of several things. name: what it shows, without style and background."""

    kind: str
    name: str
    pixels: np.ndarray
    captions: list[str]
    background: str


def compositions(things: Sequence[Thing], style: str, seed: int) -> Iterator[Composition]:
    """All compositions of one style, made from what is drawn in it; none where there is nothing to compose."""
    for kind, make in {"plate": plates, "pair": pairs, "count": counts}.items():
        source = random.Random(f"{seed} compositions {kind} {style}")
        yield from islice(make(things, style, source), round(AMOUNTS[kind] * SHARES[style]))


def plates(things: Sequence[Thing], style: str, source: random.Random) -> Iterator[Composition]:
    """Things on plates, without end."""
    served = [thing for thing in things if thing.name.plate]
    for (thing,) in dealt(served, 1, source):
        colour = plate_colour(thing.pixels, style, source)
        name = f"{thing.name.name} on {captions.plate_of(colour)}"
        layers = served_on(plate(colour, style), thing.pixels, style, source)
        yield composed("plate", name, layers, partial(captions.on_plate, thing.name, colour), style, source)


def pairs(things: Sequence[Thing], style: str, source: random.Random) -> Iterator[Composition]:
    """Two different things, the first on the left, without end."""
    for first, second in dealt(things, 2, source):
        name = f"{first.name.name} and {second.name.name}"
        layers = beside([first.pixels, second.pixels], source)
        words = partial(captions.side_by_side, first.name, second.name)
        yield composed("pair", name, layers, words, style, source)


def counts(things: Sequence[Thing], style: str, source: random.Random) -> Iterator[Composition]:
    """Two or three of a thing, without end."""
    countable = [thing for thing in things if captions.plurals(thing.name)]
    for (thing,) in dealt(countable, 1, source):
        number = source.choice((2, 3))
        name = f"{captions.NUMBERS[number]} {captions.plurals(thing.name)[0]}"
        layers = beside([thing.pixels] * 2, source) if number == 2 else three(thing.pixels, source)
        words = partial(captions.counted, thing.name, number)
        yield composed("count", name, layers, words, style, source)


def dealt(things: Sequence[Thing], hand: int, source: random.Random) -> Iterator[tuple[Thing, ...]]:
    """Hands of so many different things, without end: all are dealt about equally often, as from a pack of cards."""
    while len(things) >= hand:
        pack = source.sample(things, len(things))
        yield from zip(*(pack[k::hand] for k in range(hand)), strict=False)


def composed(
    kind: str,
    name: str,
    layers: Sequence[Layer],
    words: Callable[[str, random.Random], Words],
    style: str,
    source: random.Random,
) -> Composition:
    """Lay the layers on a background from which each stands out, and say what is there."""
    background = "white" if source.random() < WHITE else background_of(layers, source)
    canvas = np.empty((draw.CANVAS, draw.CANVAS, 3), np.uint8)
    canvas[:] = draw.COLOURS[background]
    for layer in layers:
        draw.lay(layer.pixels, canvas, layer.left, layer.top)
    return Composition(kind, name, canvas, captions.composed(words, style, background, source), background)


def background_of(layers: Sequence[Layer], source: random.Random) -> str:
    """A colour from which all layers stand out; white where there is none."""
    fit = [
        name
        for name, colour in draw.COLOURS.items()
        if name != "white" and all(draw.stands_out(layer.pixels, colour) for layer in layers)
    ]
    return source.choice(fit) if fit else "white"


# --- where things are ----------------------------------------------------------------------------


def centred(icon: np.ndarray, x: int, y: int) -> Layer:
    """An icon with its middle at a point."""
    return Layer(icon, x - icon.shape[1] // 2, y - icon.shape[0] // 2)


def beside(icons: Sequence[np.ndarray], source: random.Random) -> list[Layer]:
    """Two icons, each in the middle of its half."""
    size, y = source.randint(54, 60), 64 + source.randint(-6, 6)
    return [centred(draw.scaled(draw.cropped(icon), size), x, y) for icon, x in zip(icons, (32, 96), strict=True)]


def three(icon: np.ndarray, source: random.Random) -> list[Layer]:
    """An icon three times, as a triangle or in a row; nothing overlaps."""
    row = source.random() < ROW
    places = [(22, 64), (64, 64), (106, 64)] if row else [(64, 33), (32, 95), (96, 95)]
    small = draw.scaled(draw.cropped(icon), 40 if row else source.randint(54, 58))
    return [centred(small, x, y) for x, y in places]


def served_on(below: np.ndarray, icon: np.ndarray, style: str, source: random.Random) -> list[Layer]:
    """A plate, and a thing that sits on it."""
    thing = draw.scaled(draw.cropped(icon), source.randint(74, 80))
    left, top = (draw.CANVAS - thing.shape[1]) // 2, SITS - thing.shape[0]
    if style == "line":  # transparent inside: the lines of the plate would go through the thing
        below = below.copy()
        below[top:SITS, left : left + thing.shape[1]][draw.silhouette(thing)] = 0
    return [Layer(below, 0, 0), Layer(thing, left, top)]


# --- the plate -----------------------------------------------------------------------------------


def plate_colour(thing: np.ndarray, style: str, source: random.Random) -> str:
    """A colour for a plate, from which the thing on it stands out. A line drawing has none, which is called white."""
    fit = [colour for colour in PLATES if draw.stands_out(thing, draw.COLOURS[colour])]
    return "white" if style == "line" or not fit or source.random() < WHITE_PLATES else source.choice(fit)


def plate(colour: str, style: str) -> np.ndarray:
    """A plate, seen from above at an angle: RGBA (128, 128, 4)."""
    base, shadow = draw.COLOURS[colour], (255, 255, 255) if colour == "black" else (0, 0, 0)
    outer, inner, rim = (mixed(base, shadow, share) for share in (0, 0.1, 0.24))
    light = ""
    if style == "line":
        outer, inner, rim = "none", "none", "#000"
    if style == "3d":
        stops = ((0, mixed(base, (255, 255, 255), 0.3)), (0.5, outer), (1, inner))
        light = "".join(f'<stop offset="{where}" stop-color="{tone}"/>' for where, tone in stops)
        light = f'<linearGradient id="light" x1="0.2" y1="0" x2="0.6" y2="1">{light}</linearGradient>'
        outer = "url(#light)"
    x, y, wide, high = PLATE
    return draw.rasterise(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {draw.CANVAS} {draw.CANVAS}" stroke="{rim}">{light}'
        f'<ellipse cx="{x}" cy="{y}" rx="{wide}" ry="{high}" fill="{outer}" stroke-width="3"/>'
        f'<ellipse cx="{x}" cy="{y}" rx="{wide * 0.7}" ry="{high * 0.62}" fill="{inner}" stroke-width="2"/></svg>',
        draw.CANVAS,
    )


def mixed(colour: Sequence[int], other: Sequence[int], share: float) -> str:
    """A colour with a share of another, as SVG has it."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(colour, other, strict=True))
