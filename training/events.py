"""What a training tells while it runs, as plain data: for the terminal, and as lines of JSON for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Began:
    """step: that it goes on from, 0 for a new one. weights: how many numbers are learnt."""

    name: str
    step: int
    steps: int
    examples: int
    weights: int
    folder: Path


@dataclass(frozen=True)
class Prepared:
    """Pictures that were encoded so far."""

    done: int
    total: int


@dataclass(frozen=True)
class Stepped:
    """seconds_left: an estimate, from the steps so far."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    seconds_left: float


@dataclass(frozen=True)
class Sampled:
    step: int
    path: Path


@dataclass(frozen=True)
class Saved:
    """path: from which the training can go on, or the model where it is at its end."""

    step: int
    path: Path
    model: bool = False


@dataclass(frozen=True)
class Noted:
    """Something that its user should know."""

    message: str


@dataclass(frozen=True)
class Ended:
    """why: empty at the end of all steps."""

    step: int
    steps: int
    why: str


Event = Began | Prepared | Stepped | Sampled | Saved | Noted | Ended
Tell = Callable[[Event], None]


def to_json(event: Event) -> dict[str, Any]:
    return {"event": type(event).__name__.lower(), **asdict(event)}
