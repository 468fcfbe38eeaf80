"""Pictures with their prompts below, on one sheet."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

COLUMNS = 8
GAP, LABEL = 8, 30  # pixels between pictures, and below each for its prompt
LETTERS, SIZE = 24, 11  # a line of a prompt, and its height in pixels


def sheet(pictures: Sequence[Tensor], labels: Sequence[str]) -> Image.Image:
    """Pictures (h, w, 3) in 0..1 of one size, in rows of eight, each above its label."""
    height, width = pictures[0].shape[:2]
    columns = min(COLUMNS, len(pictures))
    count = -(-len(pictures) // columns)
    canvas = Image.new("RGB", (columns * (width + GAP) + GAP, count * (height + LABEL + GAP) + GAP), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(SIZE)
    for k, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = GAP + k % columns * (width + GAP), GAP + k // columns * (height + LABEL + GAP)
        canvas.paste(Image.fromarray((picture.clamp(0, 1) * 255).round().numpy().astype(np.uint8)), (x, y))
        lines = textwrap.wrap(label, LETTERS, max_lines=2, placeholder=" ...")
        pen.multiline_text((x, y + height + 2), "\n".join(lines), fill="black", font=font, spacing=2)
    return canvas
