"""How a run ends, and how a node fails through no fault of its function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from executor.calls import Items
from executor.events import NodeFailed


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `values` has the outputs of each target that finished, each output a list of items."""

    values: Mapping[str, tuple[Items, ...]]
    shown: Mapping[str, Mapping[str, Any]]  # node -> ui
    failed: tuple[NodeFailed, ...]
    skipped: tuple[str, ...]
    cancelled: bool = False

    @property
    def ok(self) -> bool:
        return not (self.failed or self.cancelled)


class InputFailed(Exception):
    """Raised where a node awaits an input that could not be computed."""


class ChangedInput(RuntimeError):
    """A node changed a value that it was only lent."""
