"""From the drawing of an icon to pixels on a coloured square."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

CANVAS, ICON = 128, 116  # pixels
MARGIN = (CANVAS - ICON) // 2
COLOURS = {
    "white": (255, 255, 255),
    "red": (222, 48, 48),
    "orange": (255, 140, 40),
    "yellow": (255, 216, 70),
    "green": (70, 176, 84),
    "blue": (44, 108, 226),
    "purple": (132, 82, 206),
    "pink": (255, 164, 200),
    "gray": (150, 150, 150),
    "brown": (138, 90, 60),
    "black": (0, 0, 0),
}
DIFFERENT, VISIBLE = 64, 0.6  # levels of 255, and the share of an icon that must differ so much from its background

TONE = re.compile(r"(-(light|medium-light|medium|medium-dark|dark))+$")


def svg(icons: Mapping[str, Any], name: str) -> str:
    """One icon of an Iconify set as an SVG document, in the middle of a square where it is none itself."""
    icon = icons["icons"][name]
    left, top = (icon.get(side, icons.get(side, 0)) for side in ("left", "top"))
    width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
    side = max(width, height)
    box = f"{left - (side - width) / 2:g} {top - (side - height) / 2:g} {side} {side}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{side}" height="{side}">{icon["body"]}</svg>'
    )


def plain(icons: Mapping[str, Any]) -> Iterator[str]:
    """The icons of a set without variants for skin tones, and without the hidden ones: old names, parts of others."""
    known: Mapping[str, Any] = icons["icons"]
    for name, icon in known.items():
        toned = "skin-tone" in name or ((base := TONE.sub("", name)) != name and base in known)
        if not toned and not icon.get("hidden"):
            yield name


def rasterise(document: str, size: int = ICON) -> np.ndarray:
    """An SVG document as straight RGBA (size, size, 4), uint8. Needs resvg-py; raises ValueError for what is no SVG."""
    import resvg_py  # pyright: ignore[reportMissingImports]

    data = bytes(resvg_py.svg_to_bytes(svg_string=document, width=size, height=size))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def place(icon: np.ndarray, colour: Sequence[int], left: int = MARGIN, top: int = MARGIN) -> np.ndarray:
    """An icon (h, w, 4) on a plain square: (CANVAS, CANVAS, 3) uint8."""
    canvas = np.empty((CANVAS, CANVAS, 3), np.uint8)
    canvas[:] = colour
    lay(icon, canvas, left, top)
    return canvas


def lay(icon: np.ndarray, canvas: np.ndarray, left: int, top: int) -> None:
    """Draw an icon (h, w, 4), all of which must have room, on a canvas (CANVAS, CANVAS, 3) with what is there."""
    region = canvas[top : top + icon.shape[0], left : left + icon.shape[1]]
    alpha = icon[..., 3:].astype(np.float32) / 255
    region[:] = np.rint(icon[..., :3] * alpha + region * (1 - alpha))


def cropped(icon: np.ndarray) -> np.ndarray:
    """An icon (h, w, 4) without the transparent margins around it; raises ValueError where nothing would be left."""
    box = Image.fromarray(icon[..., 3]).getbbox()
    if box is None:
        raise ValueError("the icon is empty")
    left, top, right, bottom = box
    return icon[top:bottom, left:right]


def scaled(icon: np.ndarray, side: int) -> np.ndarray:
    """An icon (h, w, 4) with `side` pixels along its longer side."""
    height, width = icon.shape[:2]
    size = (max(1, round(width * side / max(icon.shape))), max(1, round(height * side / max(icon.shape))))
    # Pillow weighs the colours of RGBA with their alpha, so the black of transparent pixels makes no dark fringe
    return np.asarray(Image.fromarray(icon).resize(size, Image.Resampling.LANCZOS))


def silhouette(icon: np.ndarray) -> np.ndarray:
    """Which pixels of an icon (h, w, 4) its outline encloses, bool (h, w): a line drawing is transparent inside."""
    drawn = Image.fromarray(np.pad(icon[..., 3] > 127, 1).astype(np.uint8)).copy()  # what is of an array is read-only
    ImageDraw.floodfill(drawn, (0, 0), 2)
    return (np.asarray(drawn) != 2)[1:-1, 1:-1]


def stands_out(icon: np.ndarray, colour: Sequence[int]) -> bool:
    """Whether most of an icon (h, w, 4) can be told from a background of this colour."""
    solid = icon[icon[..., 3] > 127][:, :3].astype(int)
    if not len(solid):
        return False
    return bool((np.abs(solid - np.asarray(colour)).max(1) > DIFFERENT).mean() >= VISIBLE)


def backgrounds(icon: np.ndarray, count: int, source: random.Random) -> list[str]:
    """Different coloured backgrounds, at most `count`, from which the icon stands out."""
    fit = [name for name, colour in COLOURS.items() if name != "white" and stands_out(icon, colour)]
    return source.sample(fit, min(count, len(fit)))
