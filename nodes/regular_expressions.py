"""Nodes that search text with regular expressions. A pattern that would take for ever is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from executor.node import Range, Text, Widget, node
from nodes.strings import Multiline

if TYPE_CHECKING:
    import regex

T = TypeVar("T")

LIMIT = 5.0  # seconds; the standard's engine has no limit and hangs
LARGEST = 10**6  # a pattern of more parts takes too long to compile, and gigabytes

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d*),?(\d*)\}|.", re.DOTALL)
_ESCAPE_OR_BRACE = re.compile(r"\\N\{[^}]*\}|\\.|(\{)(?!\d+(?:,\d*)?\}|,\d*\})", re.DOTALL)

Pattern = Annotated[str, Text(multiline=True), "A regular expression in Python's syntax."]
IgnoreCase = Annotated[bool, "Whether A also finds a."]
ManyLines = Annotated[bool, "Whether ^ and $ also match at line breaks."]
DotAll = Annotated[bool, "Whether a dot also matches a line break."]
MaybeIgnoreCase = Annotated[bool, Widget(optional=True), "Whether A also finds a."]
MaybeManyLines = Annotated[bool, Widget(optional=True), "Whether ^ and $ also match at line breaks."]
MaybeDotAll = Annotated[bool, Widget(optional=True), "Whether a dot also matches a line break."]


class BadPattern(ValueError):
    """The pattern or the replacement is no regular expression; the message quotes it and says where it fails."""


def _compile(pattern: str, ignore_case: bool, many_lines: bool, dot_all: bool) -> regex.Pattern[str]:
    """For an engine that takes a time limit, what Python's own engine would take: that one judges the pattern."""
    import regex

    flags = (re.IGNORECASE * ignore_case) | (re.MULTILINE * many_lines) | (re.DOTALL * dot_all)
    try:
        re.compile(pattern, flags)
        if _size(pattern) > LARGEST:
            raise OverflowError("the numbers in its {...} are too large together")
        # a brace that begins no repeat is text in Python, but may ask for an approximate match here
        text = _ESCAPE_OR_BRACE.sub(lambda m: r"\{" if m[1] else m[0], pattern)
        return regex.compile(text, flags | regex.VERSION0)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"regex_pattern: {pattern!r} is no regular expression: {error}") from error


def _size(pattern: str) -> int:
    """How many parts a pattern has when what is repeated a number of times is written out."""
    groups, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token[0] == "(":
            groups.append(0)
            continue
        if token[0] == ")" and len(groups) > 1:  # others stand in comments
            last = groups.pop()
        elif repeats := token[2] or token[1]:
            last *= max(int(repeats) - 1, 0)
        else:
            last = 1
        groups[-1] += last
    return groups[0]


def _limited(pattern: str, search: Callable[[], T]) -> T:
    try:
        return search()
    except TimeoutError:
        raise TimeoutError(
            f"regex_pattern: {pattern!r} was still searching after {LIMIT:g} seconds; "
            "give it fewer repetitions within repetitions"
        ) from None


@node("RegexMatch", category="utils/string", display_name="Regex Match", output_names=("matches",))
def regex_match(
    *,
    string: Multiline,
    regex_pattern: Pattern,
    case_insensitive: IgnoreCase = True,
    multiline: ManyLines = False,
    dotall: DotAll = False,
) -> bool:
    """Whether the pattern is found anywhere in the text. A faulty pattern is found nowhere."""
    try:
        compiled = _compile(regex_pattern, case_insensitive, multiline, dotall)
    except BadPattern:
        return False
    return _limited(regex_pattern, lambda: compiled.search(string, timeout=LIMIT, concurrent=True)) is not None


@node("RegexExtract", category="utils/string", display_name="Regex Extract")
def regex_extract(
    *,
    string: Multiline,
    regex_pattern: Pattern,
    mode: Literal["First Match", "All Matches", "First Group", "All Groups"],
    case_insensitive: IgnoreCase = True,
    multiline: ManyLines = False,
    dotall: DotAll = False,
    group_index: Annotated[int, Range(0, 100), "Which group of the pattern; 0 is the whole match."] = 1,
) -> str:
    """What the pattern finds in the text, one find a line; empty if it finds nothing or is faulty.

    `All Matches` of a pattern with groups gives the first group of each match.
    """
    try:
        compiled = _compile(regex_pattern, case_insensitive, multiline, dotall)
    except BadPattern:
        return ""
    found = _limited(regex_pattern, lambda: list(_matches(compiled, string, first=mode.startswith("First"))))
    groups = compiled.groups
    match mode:
        case "First Match":
            wanted = 0
        case "All Matches":
            wanted = min(groups, 1)
        case "First Group":
            wanted = group_index if group_index <= groups else None
        case "All Groups":
            wanted = group_index if groups and group_index <= groups else None
    return "" if wanted is None else "\n".join(m[wanted] or "" for m in found)


def _matches(compiled: regex.Pattern[str], string: str, first: bool) -> Any:
    if not first:
        return compiled.finditer(string, timeout=LIMIT, concurrent=True)
    found = compiled.search(string, timeout=LIMIT, concurrent=True)
    return [found] if found else []


@node("RegexReplace", category="utils/string", display_name="Regex Replace")
def regex_replace(
    *,
    string: Multiline,
    regex_pattern: Pattern,
    replace: Annotated[str, Text(multiline=True), r"May hold \1 or \g<name> for what a group matched."],
    case_insensitive: MaybeIgnoreCase = True,
    multiline: MaybeManyLines = False,
    dotall: MaybeDotAll = False,
    count: Annotated[int, Range(0, 100), Widget(optional=True), "How many to replace; 0 replaces all."] = 0,
) -> str:
    """The text with what the pattern finds replaced."""
    compiled = _compile(regex_pattern, case_insensitive, multiline, dotall)
    try:
        re.compile(regex_pattern).sub(replace, "")  # as above, Python's engine judges it
        return _limited(
            regex_pattern, lambda: compiled.sub(replace, string, count=count, timeout=LIMIT, concurrent=True)
        )
    except (re.error, IndexError) as error:
        raise BadPattern(f"replace: {replace!r} does not fit the pattern {regex_pattern!r}: {error}") from error
