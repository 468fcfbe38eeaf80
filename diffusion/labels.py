"""Pictures with words: fonts, and tables of pictures with labels at their rows, columns and cells. Drawn by Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

MOST_PIXELS = 2**27  # of a table: 1.6 GB as a tensor
SMALLEST_FONT, LARGEST_FONT = 12, 36  # pixels
LINES = 3  # of a label; what is longer ends in ...
SPACING = 1.3  # of lines, in font sizes

Color = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Theme:
    ground: Color
    ink: Color
    faint: Color  # lines behind things, and empty cells


THEMES = {
    "light": Theme((250, 250, 249), (38, 38, 42), (222, 222, 220)),
    "dark": Theme((27, 27, 30), (230, 230, 228), (58, 58, 63)),
}


# --- words ---------------------------------------------------------------------------------------

FONTS = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "msyh.ttc",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "arialuni.ttf",
    "arial.ttf",
)
"""Of systems, by where they look for them; asked in this order where Pillow's own font lacks a sign of a text."""


@lru_cache(256)
def font(size: int, text: str = "") -> Font:
    """Pillow's own font, or one of the system's that has all signs of the text; if there is none, the missing ones are
    drawn as boxes."""
    own = ImageFont.load_default(size)
    if not isinstance(own, ImageFont.FreeTypeFont) or _has_all(own, text):
        return own
    for name in FONTS:
        try:
            found = ImageFont.truetype(name, size)
        except OSError:
            continue
        if _has_all(found, text):
            return found
    return own


def _has_all(found: ImageFont.FreeTypeFont, text: str) -> bool:
    missing = _shape(found, "\uffff")
    return all(_shape(found, sign) != missing for sign in set(text) if not sign.isspace())


def _shape(found: ImageFont.FreeTypeFont, sign: str) -> bytes:
    side = 3 * math.ceil(found.size)
    picture = Image.new("L", (side, side))
    ImageDraw.Draw(picture).text((side // 3, side // 3), sign, font=found, fill=255)
    return picture.tobytes()


def wrapped(text: str, size: int, width: int) -> list[str]:
    """A text in lines of `width` pixels, at most LINES of them; words that are longer are cut."""
    used = font(size, "".join(sorted(set(text))))
    lines: list[str] = []
    for paragraph in text.strip().splitlines():
        lines += _lines(paragraph.split(), used, width)
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], _cut(f"{lines[LINES - 1]}...", used, width)]
    return lines


def _lines(words: Sequence[str], used: Font, width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and used.getlength(joined) <= width:
            lines[-1] = joined
            continue
        while len(word) > 1 and used.getlength(word) > width:
            fits = max(1, sum(used.getlength(word[:i]) <= width for i in range(1, len(word) + 1)))
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return lines


def _cut(line: str, used: Font, width: int) -> str:
    while len(line) > 4 and used.getlength(line) > width:
        line = f"{line[:-4]}..."
    return line


def write(draw: ImageDraw.ImageDraw, lines: Sequence[str], size: int, at: tuple[float, float], ink: Color) -> None:
    """Lines one below the other, centred at `at`, which is the middle of their upper edge."""
    used = font(size, "".join(sorted(set("".join(lines)))))
    for i, line in enumerate(lines):
        draw.text((at[0], at[1] + (i + 0.5) * SPACING * size), line, font=used, fill=ink, anchor="mm")


def height_of(lines: Sequence[Sequence[str]], size: int) -> int:
    """The pixels that the highest of some labels takes; 0 where there is none."""
    return math.ceil(max(map(len, lines), default=0) * SPACING * size)


# --- pictures ------------------------------------------------------------------------------------


def pictures_of(images: Tensor, name: str = "images") -> list[Image.Image]:
    """The pictures of a batch (b, h, w, c) in 0..1: 1, 3 or 4 channels. Raises ValueError where there is none."""
    require_pictures(images, name)
    shown = images[..., :3].expand(-1, -1, -1, 3)
    data = (shown.detach().float() * 255).nan_to_num().clamp(0, 255).round().to("cpu", torch.uint8).numpy()
    return [Image.fromarray(one) for one in data]


def require_pictures(images: Tensor, name: str) -> None:
    if images.dim() != 4 or not images.numel():
        raise ValueError(
            f"{name} holds no picture (its shape is {tuple(images.shape)}); connect one with a pixel at least"
        )


def tensor_of(picture: Image.Image) -> Tensor:
    """(1, h, w, 3)"""
    return torch.from_numpy(np.asarray(picture.convert("RGB")).astype(np.float32) / 255)[None]


def fitted(picture: Image.Image, side: int) -> Image.Image:
    """With a longer side of `side` pixels at most; 0 leaves it as it is."""
    scale = side / max(picture.size) if side else 1.0
    if scale >= 1:
        return picture
    width, height = (max(1, round(n * scale)) for n in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


# --- tables --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Pictures in rows. Labels: above the columns, left of the rows, below each picture, above everything."""

    cells: Sequence[Sequence[Image.Image | None]]
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    captions: Sequence[Sequence[str]] = ()
    title: str = ""


class _Layout:
    """Where everything of a table stands, in pixels, and its labels in lines."""

    def __init__(self, table: Table):
        found = [one.size for row in table.cells for one in row if one]
        if not found:
            raise ValueError("there is no picture to put into a table; connect one at least")
        self.width = max(w for w, _ in found)
        self.heights = [max((one.height for one in row if one), default=0) for row in table.cells]
        self.heights = [h or max(self.heights) for h in self.heights]
        self.size = min(LARGEST_FONT, max(SMALLEST_FONT, min(self.width, max(self.heights)) // 16))
        self.gap = max(4, self.size // 2)
        self.columns = [wrapped(text, self.size, self.width) for text in table.columns]
        self.rows = [wrapped(text, self.size, max(6 * self.size, self.width * 2 // 3)) for text in table.rows]
        self.captions = [[wrapped(text, self.size, self.width) for text in row] for row in table.captions]
        side = max((_width(lines, self.size) for lines in self.rows), default=0)
        self.side = math.ceil(side / self.size) * self.size  # in steps, so that no font's detail changes the size
        self.left = self.gap + (self.side + self.gap if self.side else 0)
        self.total = self.left + max(map(len, table.cells)) * (self.width + self.gap)
        self.title = wrapped(table.title, self.title_size, self.total - 2 * self.gap)
        self.head = self.gap + height_of([self.title], self.title_size)
        self.tops = [self.head + height_of(self.columns, self.size) + (self.gap // 2 if any(self.columns) else 0)]
        for n in range(len(table.cells)):
            below = height_of(self.captions[n], self.size) if n < len(self.captions) else 0
            self.tops.append(self.tops[-1] + self.heights[n] + self.gap + (below + self.gap // 2 if below else 0))
        if self.total * self.tops[-1] > MOST_PIXELS:
            raise ValueError(f"the table would have {self.total} x {self.tops[-1]} pixels; choose a smaller cell size")

    @property
    def title_size(self) -> int:
        return self.size + self.size // 4

    def corner(self, row: int, column: int) -> tuple[int, int]:
        return self.left + column * (self.width + self.gap), self.tops[row]


def drawn(table: Table, theme: Theme) -> Image.Image:
    """The table as one picture. Raises ValueError if it has no picture, or more pixels than MOST_PIXELS."""
    at = _Layout(table)
    width = at.width
    picture = Image.new("RGB", (at.total, at.tops[-1]), theme.ground)
    draw = ImageDraw.Draw(picture)
    write(draw, at.title, at.title_size, (at.total / 2, at.gap / 2), theme.ink)
    for i, lines in enumerate(at.columns):
        write(draw, lines, at.size, (at.corner(0, i)[0] + width / 2, at.head), theme.ink)
    for n, row in enumerate(table.cells):
        for i, one in enumerate(row):
            x, y = at.corner(n, i)
            if one is None:
                draw.rectangle((x, y, x + width - 1, y + at.heights[n] - 1), outline=theme.faint)
            else:
                picture.paste(one, (x + (width - one.width) // 2, y + (at.heights[n] - one.height) // 2))
    for n, lines in enumerate(at.rows):
        middle = at.tops[n] + (at.heights[n] - height_of([lines], at.size)) / 2
        write(draw, lines, at.size, (at.gap + at.side / 2, middle), theme.ink)
    for n, row in enumerate(at.captions):
        for i, lines in enumerate(row):
            x, y = at.corner(n, i)
            write(draw, lines, at.size, (x + width / 2, y + at.heights[n] + at.gap / 4), theme.ink)
    return picture


def _width(lines: Sequence[str], size: int) -> float:
    return max((font(size, "".join(sorted(set(line)))).getlength(line) for line in lines), default=0)


# --- kinds of tables -----------------------------------------------------------------------------


def sheet(
    pictures: Sequence[Image.Image], captions: Sequence[str], columns: int, side: int, title: str, theme: Theme
) -> Image.Image:
    """Pictures one after the other in `columns` columns (0: about as many as rows), each at most `side` pixels long.

    Raises ValueError for more captions than pictures.
    """
    if len(captions) > len(pictures):
        raise ValueError(f"labels has {len(captions)} lines for {_counted(len(pictures))}; give at most one for each")
    columns = max(1, min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures)))
    small = [fitted(one, side) for one in pictures]
    told = [*captions, *[""] * (len(pictures) - len(captions))] if captions else []
    rows = [small[i : i + columns] for i in range(0, len(small), columns)]
    return drawn(Table(rows, (), (), [told[i : i + columns] for i in range(0, len(told), columns)], title), theme)


def grid(
    pictures: Sequence[Image.Image],
    columns: Sequence[str],
    rows: Sequence[str],
    side: int,
    title: str,
    theme: Theme,
    axes: tuple[str, str] = ("", ""),
) -> Image.Image:
    """Pictures row by row, one for each pair of a column's and a row's label. What is missing at the end stays empty.

    axes: what the columns and the rows are called, which is put before their labels. Without columns there are as many
    as the rows need, and the other way round. Raises ValueError for more pictures than places.
    """
    across = len(columns) or math.ceil(len(pictures) / max(1, len(rows)))
    down = len(rows) or math.ceil(len(pictures) / max(1, across))
    if len(pictures) > across * down:
        raise ValueError(
            f"{_counted(len(pictures))} do not fit into {across} columns and {down} rows; give one label for each"
        )
    small: list[Image.Image | None] = [fitted(one, side) for one in pictures]
    small += [None] * (across * down - len(small))
    cells = [small[i * across : (i + 1) * across] for i in range(down)]
    return drawn(Table(cells, _named(axes[0], columns), _named(axes[1], rows), (), title), theme)


def _named(axis: str, labels: Sequence[str]) -> list[str]:
    return [f"{axis}: {label}" if axis else label for label in labels]


def _counted(pictures: int) -> str:
    return f"{pictures} picture" if pictures == 1 else f"{pictures} pictures"
