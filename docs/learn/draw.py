"""The pictures that the guide learns from: `python docs/learn/draw.py` draws `shapes/` and `owl/` anew."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent
FINE = 8  # drawn this much larger, then scaled down, so that edges are smooth

Point = tuple[float, float]
Draw = ImageDraw.ImageDraw

# --- shapes --------------------------------------------------------------------------------------

COLOURS = {
    "red": "#e0312c", "orange": "#f5932a", "yellow": "#f7d32e", "green": "#31a354", "blue": "#2f6fde",
    "purple": "#8f4bc4",
}  # fmt: skip
NEVER_SHOWN = {("red", "star"), ("green", "heart"), ("blue", "circle"), ("yellow", "triangle")}
SIDE = 32


def around(x: float, y: float, radii: list[float], start: float = -90) -> list[Point]:
    """Corners at equal angles around a point, each at its distance."""
    angles = [math.radians(start + 360 * i / len(radii)) for i in range(len(radii))]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)]


def circle(draw: Draw, x: float, y: float, r: float, colour: str) -> None:
    draw.ellipse((x - r, y - r, x + r, y + r), colour)


def square(draw: Draw, x: float, y: float, r: float, colour: str) -> None:
    draw.rectangle((x - 0.85 * r, y - 0.85 * r, x + 0.85 * r, y + 0.85 * r), colour)


def triangle(draw: Draw, x: float, y: float, r: float, colour: str) -> None:
    draw.polygon(around(x, y + 0.2 * r, [1.15 * r] * 3), colour)


def star(draw: Draw, x: float, y: float, r: float, colour: str) -> None:
    draw.polygon(around(x, y, [1.2 * r, 0.5 * r] * 5), colour)


def heart(draw: Draw, x: float, y: float, r: float, colour: str) -> None:
    turns = [2 * math.pi * i / 60 for i in range(60)]
    curve = [(16 * math.sin(t) ** 3, 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t)) for t in turns]
    draw.polygon([(x + a * r / 15, y - b * r / 15) for a, b in curve], colour)


def cross(draw: Draw, x: float, y: float, r: float, colour: str) -> None:
    for wide, high in ((r, 0.38 * r), (0.38 * r, r)):
        draw.rectangle((x - wide, y - high, x + wide, y + high), colour)


SHAPES: dict[str, Callable[[Draw, float, float, float, str], None]] = {
    "circle": circle, "square": square, "triangle": triangle, "star": star, "heart": heart, "cross": cross,
}  # fmt: skip


def shapes(folder: Path) -> None:
    """Two pictures of each pair of a colour and a shape but for four, and what they are in `metadata.csv`."""
    rng, rows = random.Random(1), [("file_name", "text")]
    for colour, value in COLOURS.items():
        for name, shape in SHAPES.items():
            for number in () if (colour, name) in NEVER_SHOWN else (1, 2):
                whole = Image.new("RGB", (SIDE * FINE, SIDE * FINE), "white")
                middle = [SIDE * FINE * (0.5 + rng.uniform(-0.06, 0.06)) for _ in range(2)]
                shape(ImageDraw.Draw(whole), *middle, SIDE * FINE * rng.uniform(0.27, 0.34), value)
                file = folder / f"{colour}_{name}_{number}.png"
                whole.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(file, optimize=True)
                rows.append((file.name, f"a {colour} {name}"))
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as table:
        csv.writer(table, lineterminator="\n").writerows(rows)


# --- one owl -------------------------------------------------------------------------------------

GROUNDS = ("#ffffff", "#e3f0fb", "#faf0dc", "#fdeaea", "#ece4f5", "#e4f4e4", "#fff8c9", "#dfe6ee", "#ffe3c9", "#f3f3f3")
OWL_SIDE = 128


def owl(draw: Draw, x: float, y: float, r: float, look: Point) -> None:
    """A teal owl with pointed ears and a star on its belly. look: where its eyes point to, -1..1 each way."""
    teal, cream = "#13998e", "#f8e27a"
    for side in (-1, 1):
        ear = [(0.15, -0.85), (0.9, -1.75), (0.85, -0.3)]
        draw.polygon([(x + side * a * r, y + b * r) for a, b in ear], teal)
    draw.ellipse((x - r, y - 1.15 * r, x + r, y + 1.3 * r), teal)
    draw.ellipse((x - 0.62 * r, y, x + 0.62 * r, y + 1.18 * r), cream)
    draw.polygon(around(x, y + 0.6 * r, [0.42 * r, 0.17 * r] * 5), "#e0312c")
    for side in (-1, 1):
        eye, pupil = (x + side * 0.42 * r, y - 0.5 * r), 0.17 * r
        circle(draw, *eye, 0.36 * r, "white")
        circle(draw, eye[0] + look[0] * 0.12 * r, eye[1] + look[1] * 0.12 * r, pupil, "#1d2233")
    draw.polygon(around(x, y - 0.12 * r, [0.2 * r] * 3, 90), "#f5932a")


def owls(folder: Path) -> None:
    """Ten pictures of the same owl on different grounds, and a caption beside each."""
    rng, side = random.Random(2), OWL_SIDE * FINE // 2
    for number, ground in enumerate(GROUNDS):
        whole = Image.new("RGB", (side, side), ground)
        middle = [side * (at + rng.uniform(-0.05, 0.05)) for at in (0.5, 0.54)]
        look = rng.uniform(-1, 1), rng.uniform(-1, 1)
        owl(ImageDraw.Draw(whole), *middle, side * rng.uniform(0.23, 0.29), look)
        turned = whole.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, fillcolor=ground)
        turned.resize((OWL_SIDE, OWL_SIDE), Image.Resampling.LANCZOS).save(folder / f"{number:02}.png", optimize=True)
        (folder / f"{number:02}.txt").write_text("a zibble\n", encoding="utf-8")


if __name__ == "__main__":
    shapes(HERE / "shapes")
    owls(HERE / "owl")
