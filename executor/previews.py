"""Pictures of unfinished work: which ones a run wants, and how often a node is asked for one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from executor.files import Files

Method = Literal["none", "auto", "latent2rgb", "taesd"]
SECONDS_APART = 0.25
TIMES_ITS_COST = 50  # how long after a picture there is none, so that they take at most 2 % of the time


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run shows of unfinished pictures. size: pixels of their longer side, at most."""

    method: Method = "auto"
    size: int = 512

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"{self.method!r} is no method of previews; there are {', '.join(get_args(Method))}")
        if self.size < 1:
            raise ValueError(f"previews of {self.size} pixels cannot be made; the size is at least 1")


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a node's sketch is told.

    begin: to be called when the sketch has what it is made of, so that waiting for it is not taken for its cost.
    warn: tells people, each message once a run.
    """

    method: Method
    size: int
    files: Files
    begin: Callable[[], None]
    warn: Callable[[str], None]

    def model(self, folder: str, stem: str) -> Path | None:
        """The model file of that name, whatever its ending and the folder in it, if there is one."""
        names = self.files.names(folder)
        found = next((name for name in names if PurePosixPath(name).stem == stem), None)
        return None if found is None else self.files.model(folder, found)


Sketch = Callable[[Wanted], "bytes | None"]
"""Makes a picture file (JPEG, or PNG with transparency) of the work so far, or none where there is nothing to show."""


class Previews:
    """The previews of one run: it makes those whose time has come."""

    def __init__(
        self,
        preview: Preview | None,
        files: Files,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.perf_counter,
    ):
        self._preview, self._files, self._warn, self._clock = preview or Preview("none"), files, warn, clock
        self._warned: set[str] = set()
        self._started = 0.0
        self._next = float("-inf")

    def picture(self, sketch: Sketch | None) -> bytes | None:
        """The picture that `sketch` makes, if one is wanted now. Raises what it raises."""
        if sketch is None or self._preview.method == "none" or self._clock() < self._next:
            return None
        self._begin()
        try:
            return sketch(Wanted(self._preview.method, self._preview.size, self._files, self._begin, self._warn_once))
        finally:
            now = self._clock()
            self._next = max(self._started + SECONDS_APART, now + TIMES_ITS_COST * (now - self._started))

    def _begin(self) -> None:
        self._started = self._clock()

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._warn(message)
