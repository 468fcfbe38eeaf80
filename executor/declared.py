"""What may stand in `Annotated`, in the signature of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from executor.files import Files


@dataclass(frozen=True)
class Range:
    """Inclusive bounds of a number; `step` is the widget's, `round` the precision values are rounded to."""

    min: float
    max: float
    step: float | None = None
    round: float | None = None
    slider: bool = False


@dataclass(frozen=True)
class Choice:
    """A menu: fixed values, or a callable that is asked each time the menu is read."""

    values: Sequence[Any] | Callable[[Files], Sequence[Any]]


@dataclass(frozen=True)
class Folder:
    """A menu of the files of one models folder; a name is resolved by `Files.resolve`."""

    name: str


@dataclass(frozen=True)
class Text:
    """How a STRING is edited. `dynamic` text may hold `{a|b}` choices and comments, resolved by the editor."""

    multiline: bool = False
    dynamic: bool = False
    placeholder: str | None = None


class Widget:
    """Anything else an editor should know, in the words of `object_info`: `control_after_generate`, `image_upload`,
    `advanced`, `forceInput`, ... `optional=True` puts an input that has a default into the optional section."""

    def __init__(self, *, optional: bool = False, **options: Any):
        self.optional, self.options = optional, options


@dataclass(frozen=True)
class Hidden:
    """Given by the engine and named in `object_info`: PROMPT, EXTRA_PNGINFO, UNIQUE_ID or DYNPROMPT."""

    name: str


@dataclass(frozen=True)
class Names:
    """On `**parameter`: the inputs that it stands for, whose names may be any text, and their default."""

    names: Sequence[str]
    default: Any
    grows: Grows | None = None


@dataclass(frozen=True)
class Grows:
    """On `Names`: an editor offers the inputs `name.slot` one after another, a new one where the last is linked.

    least: how many it shows at first. prefix: of the slots, where they are numbered from 0.
    """

    name: str
    slots: Sequence[str]
    least: int = 1
    prefix: str = ""

    def all(self) -> Names:
        return Names([f"{self.name}.{slot}" for slot in self.slots], None, self)


@dataclass(frozen=True)
class Parts:
    """On `**parameter`: inputs that an editor shows with one option of the menu `name`; they are called `name.input`.

    options: option -> input -> (its type, its default).
    """

    name: str
    options: Mapping[str, Mapping[str, tuple[Any, Any]]]
