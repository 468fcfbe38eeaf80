"""The names that look like one that is not there, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(name: str, names: Sequence[str]) -> str:
    """The names that look like `name`, as the end of a message; empty if none does."""
    near = difflib.get_close_matches(name, names, 3, 0.5)
    return f"; nearest: {', '.join(near)}" if near else ""
