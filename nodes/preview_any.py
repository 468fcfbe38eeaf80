"""A node that shows whatever reaches it as text."""

from __future__ import annotations

import json
from typing import Annotated, Any

from executor.node import Shown, node
from nodes.sockets import Anything


@node("PreviewAny", category="utils", display_name="Preview Any", output_node=True)
def preview_any(*, source: Annotated[Anything, "What to show: a text, a number, or anything else."]) -> Shown[None]:
    """Show a value as text."""
    return Shown({"text": [as_text(source)]}, None)


def as_text(value: Any) -> str:
    """A text is itself; numbers, lists and the like are JSON; of a tensor its shape and type."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=_summary)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _summary(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} {tuple(shape)} {value.dtype}" if shape is not None else str(value)
