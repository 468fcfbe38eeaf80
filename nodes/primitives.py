"""Nodes that hold one value, to give it to several others."""

from __future__ import annotations

from typing import Annotated

from executor.node import Range, Text, Widget, node

LARGEST = 2**63 - 1


@node("PrimitiveString", category="utils/primitive", display_name="String")
def primitive_string(*, value: Annotated[str, Text()]) -> str:
    """A line of text."""
    return value


@node("PrimitiveStringMultiline", category="utils/primitive", display_name="String (Multiline)")
def primitive_string_multiline(*, value: Annotated[str, Text(multiline=True)]) -> str:
    """A text of several lines."""
    return value


@node("PrimitiveInt", category="utils/primitive", display_name="Int")
def primitive_int(*, value: Annotated[int, Range(-LARGEST, LARGEST), Widget(control_after_generate=True)]) -> int:
    """A whole number."""
    return value


@node("PrimitiveFloat", category="utils/primitive", display_name="Float")
def primitive_float(*, value: Annotated[float, Range(-LARGEST, LARGEST)]) -> float:
    """A number."""
    return value


@node("PrimitiveBoolean", category="utils/primitive", display_name="Boolean")
def primitive_boolean(*, value: bool) -> bool:
    """Yes or no."""
    return value
