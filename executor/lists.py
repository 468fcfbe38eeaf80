"""Lists that people write down: ranges, lines of a text, columns of a table, folders of pictures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from executor import listing
from executor.nearest import nearest

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
LONGEST = 100_000  # items of a range

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER}?)\s*\.\.\s*({_NUMBER}?)\s*(?::\s*({_NUMBER}))?\s*", re.IGNORECASE)


class ListError(ValueError):
    """A list that cannot be made; the message says why and what helps."""


def span(text: str) -> list[int | float] | None:
    """The numbers of `1..10` or `0.1..0.5:0.1`, both ends included; None if the text is no range. Raises ListError."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found[1] and found[2]):
        return None
    try:
        first, last, step = (Decimal(part) if part else None for part in found.groups())
    except InvalidOperation:  # an exponent that no number has
        raise ListError(f"{text.strip()!r} is too large") from None
    assert first is not None
    assert last is not None
    try:
        return numbers(first, last, step if step is not None else Decimal(1), text.strip())
    except ArithmeticError:
        raise ListError(f"{text.strip()!r} is too large") from None


def numbers(first: Decimal, last: Decimal, step: Decimal, text: str) -> list[int | float]:
    """first, first + step, ... up to last. Whole where first and step are. Raises ListError."""
    if step == 0:
        raise ListError(f"{text}: a step of 0 never gets there")
    if (last - first) * step < 0:
        raise ListError(f"{text}: with a step of {step}, {first} never gets to {last}; turn the step or the ends round")
    steps = (last - first) / step
    if steps >= LONGEST:
        raise ListError(f"{text} has more than {LONGEST:,} numbers, which is too many")
    whole = first == first.to_integral_value() and step == step.to_integral_value()
    values = [first + i * step for i in range(int(steps) + 1)]
    return [int(v) for v in values] if whole else [float(v) for v in values]


def lines(text: str, name: str = "the text") -> list[str]:
    """The lines that are not empty, without the spaces around them. Raises ListError if there are none."""
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise ListError(f"{name} has no lines with something on them")
    return found


def column(text: str, name: str, file: str = "the table") -> list[str]:
    """A column of a table in CSV or with tabs, whose first line names them. Raises ListError."""
    first = text.splitlines()[0] if text.strip() else ""
    rows = list(csv.reader(io.StringIO(text), delimiter="\t" if "\t" in first and "," not in first else ","))
    rows = [(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if not rows:
        raise ListError(f"{file} is empty")
    names = [cell.strip().removeprefix("\ufeff") for cell in rows[0][1]]
    if name not in names:
        raise ListError(f"{file} has no column {name!r}; it has {', '.join(names)}{nearest(name, names)}")
    for number, row in rows[1:]:
        if len(row) != len(names):
            has = f"has {len(row)} fields where the first one has {len(names)}"
            raise ListError(f"{file}: row {number} {has}; put quotes around fields with commas in them")
    if len(rows) == 1:
        raise ListError(f"{file} has no rows below the names of its columns")
    return [row[names.index(name)].strip() for _, row in rows[1:]]


def pictures(folder: Path, name: str) -> list[str]:
    """The names of the pictures in a folder and below it, as people sort them. Raises ListError if there are none."""
    found = [f"{below}/{file}" if below else file for below, files in listing.walk(folder) for file in files]
    kept = [file for file in found if Path(file).suffix.lower() in PICTURES and not Path(file).name.startswith(".")]
    if not kept:
        raise ListError(f"the folder {name} has no pictures ({', '.join(sorted(PICTURES))})")
    return sorted(kept, key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    """2.png before 10.png."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", name)]


def read(path: Path, name: str) -> str:
    """The text of a file. Raises ListError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListError(f"{name} is no text in UTF-8") from None
    except OSError as error:
        raise ListError(f"{name} cannot be read: {error.strerror or error}") from None


def pick(items: Sequence[object], index: int, name: str = "index") -> int:
    """The place of an item, counted from the end below 0. Raises ListError if there is none."""
    place = index + len(items) if index < 0 else index
    if not 0 <= place < len(items):
        most = f"it has {len(items)} items, so take -{len(items)} to {len(items) - 1}" if items else "it is empty"
        raise ListError(f"{name} is {index}, and the list ends before that: {most}")
    return place
