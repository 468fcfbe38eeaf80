"""What a trainer learns from, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class DataError(ValueError):
    """The data cannot be used; the message names the folder or file, what is wrong and the remedy."""


@dataclass(frozen=True)
class Example:
    """A picture and what is said of it.

    captions: of equal worth, one is drawn each time; empty where nothing is said (unconditional, or only a class).
    label: its class, from 0.
    prior: it shows what the model is to keep, not what it is to learn (DreamBooth, Ruiz et al. 2022).
    repeat: how often it comes in an epoch, from 1.
    size: (width, height) in pixels, turned as its EXIF data says; (0, 0) if it was not read.
    """

    path: Path
    captions: tuple[str, ...]
    label: int | None = None
    prior: bool = False
    repeat: int = 1
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    skipped: a sentence for each file that is not used, with the reason.
    notes: what is used, but may not be what was meant.
    """

    examples: tuple[Example, ...]
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
