"""Nodes that give values to other nodes: sizes, choices, lists of sigmas."""

from __future__ import annotations

import math
import re
from typing import Annotated, NamedTuple

import diffusion
from executor.node import Choice, Range, Text, Widget, node
from nodes.sockets import Sigmas

RATIOS = {
    "1:1 (Square)": (1, 1),
    "2:3 (Portrait Photo)": (2, 3),
    "3:2 (Photo)": (3, 2),
    "3:4 (Portrait Standard)": (3, 4),
    "4:3 (Standard)": (4, 3),
    "9:16 (Portrait Widescreen)": (9, 16),
    "16:9 (Widescreen)": (16, 9),
    "21:9 (Ultrawide)": (21, 9),
}
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Size(NamedTuple):
    width: int
    height: int


class Chosen(NamedTuple):
    STRING: str
    INDEX: int


@node("ResolutionSelector", category="utils", display_name="Resolution Selector")
def resolution_selector(
    *,
    aspect_ratio: Annotated[str, Choice(tuple(RATIOS)), "Width to height."] = "1:1 (Square)",
    megapixels: Annotated[float, Range(0.1, 16.0, step=0.1), "1 is as many pixels as 1024 x 1024."] = 1.0,
    multiple: Annotated[
        int, Range(8, 128, step=4), Widget(optional=True), "Both sides are the nearest multiple of it."
    ] = 8,
) -> Size:
    """A width and a height of a shape, with a number of pixels."""
    across, down = RATIOS[aspect_ratio]
    unit = math.sqrt(megapixels * 1024 * 1024 / (across * down))
    return Size(*(max(multiple, round(side * unit / multiple) * multiple) for side in (across, down)))


@node("CustomCombo", category="utils", display_name="Custom Combo")
def custom_combo(
    *,
    choice: Annotated[str, Text(), "The choice, as text."],
    index: Annotated[int, Widget(optional=True), "Its place in the list of choices, from 0."] = 0,
) -> Chosen:
    """One of several texts that are listed in the editor, and its place among them."""
    return Chosen(choice, index)


@node("ManualSigmas", category="sampling/custom_sampling/sigmas", output_names=("SIGMAS",), experimental=True)
def manual_sigmas(
    *, sigmas: Annotated[str, Text(), "Numbers with commas or spaces between them, the largest first."] = "1, 0.5"
) -> Sigmas:
    """A list of sigmas as they are written."""
    rest = NUMBER.sub("", sigmas).strip(" ,;\t\r\n[]()")
    if rest:
        raise ValueError(f"sigmas is {sigmas!r}, of which {rest!r} is no number: write numbers and commas")
    return diffusion.sigma_lists.written([float(number) for number in NUMBER.findall(sigmas)])
