"""Nodes that change, compare and measure text."""

from __future__ import annotations

from typing import Annotated, Literal

from executor.node import Text, node

Multiline = Annotated[str, Text(multiline=True)]
CaseSensitive = Annotated[bool, "Whether A and a differ."]


@node("StringConcatenate", category="utils/string", display_name="Concatenate")
def string_concatenate(
    *,
    string_a: Multiline,
    string_b: Multiline,
    delimiter: Annotated[str, Text(), "What stands between the two."] = "",
) -> str:
    """Two texts, one after the other."""
    return delimiter.join((string_a, string_b))


@node("StringSubstring", category="utils/string", display_name="Substring")
def string_substring(
    *,
    string: Multiline,
    start: Annotated[int, "The first character, from 0; below 0 it counts from the end."],
    end: Annotated[int, "The first character that is left off; below 0 it counts from the end."],
) -> str:
    """A part of a text."""
    return string[start:end]


@node("StringLength", category="utils/string", display_name="Length", output_names=("length",))
def string_length(*, string: Multiline) -> int:
    """How many characters a text has."""
    return len(string)


@node("CaseConverter", category="utils/string", display_name="Case Converter")
def case_converter(*, string: Multiline, mode: Literal["UPPERCASE", "lowercase", "Capitalize", "Title Case"]) -> str:
    """A text in capitals, in small letters, or with capitals at the beginning of the text or of each word."""
    change = {"UPPERCASE": str.upper, "lowercase": str.lower, "Capitalize": str.capitalize, "Title Case": str.title}
    return change[mode](string)


@node("StringTrim", category="utils/string", display_name="Trim")
def string_trim(*, string: Multiline, mode: Literal["Both", "Left", "Right"]) -> str:
    """A text without the spaces, tabs and line breaks at its ends."""
    trim = {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}
    return trim[mode](string)


@node("StringReplace", category="utils/string", display_name="Replace")
def string_replace(*, string: Multiline, find: Multiline, replace: Multiline) -> str:
    """A text with every occurrence of one piece replaced by another."""
    return string.replace(find, replace)


@node("StringContains", category="utils/string", display_name="Contains", output_names=("contains",))
def string_contains(*, string: Multiline, substring: Multiline, case_sensitive: CaseSensitive = True) -> bool:
    """Whether a text has a piece in it."""
    return substring in string if case_sensitive else substring.lower() in string.lower()


@node("StringCompare", category="utils/string", display_name="Compare")
def string_compare(
    *,
    string_a: Multiline,
    string_b: Multiline,
    mode: Literal["Starts With", "Ends With", "Equal"],
    case_sensitive: CaseSensitive = True,
) -> bool:
    """Whether text A begins with text B, ends with it, or is the same."""
    compare = {"Starts With": str.startswith, "Ends With": str.endswith, "Equal": str.__eq__}
    a, b = (string_a, string_b) if case_sensitive else (string_a.lower(), string_b.lower())
    return compare[mode](a, b)
