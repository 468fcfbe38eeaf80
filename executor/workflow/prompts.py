"""What the editor's texts may hold: comments, `{a|b}` choices, `%node.widget%` and `%date:...%` patterns."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime

# `//` begins a comment, but not in `https://example.com/...`: the standard's editor cuts addresses there, which no
# author can have meant. A bare word after it is no host, so there the comment stands.
_COMMENT = re.compile(
    r"(?P<address>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://(?:localhost\b|[\w-]+(?:\.[\w-]+)+|\[[\da-fA-F:]+\]|[\w-]+:\d))"
    r"|/\*.*?\*/|//[^\n]*",
    re.DOTALL,
)
_TOKEN = re.compile(r"\\[{}|]|[{}|]|\\|[^\\{}|]+")
_PATTERN = re.compile(r"%([^%]+)%")
_DATE = re.compile(r"yyyy|yy|MM?|dd?|hh?|mm?|ss?")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')


def dynamic(text: str, rng: random.Random) -> str:
    """Strip comments and take one of each `{a|b}`, nested ones too; `\\{`, `\\}` and `\\|` stand for themselves."""
    open_: list[list[str]] = [[""]]  # the options read so far, of each brace that is open
    for token in _TOKEN.findall(_COMMENT.sub(lambda m: m["address"] or "", text)):
        if token == "{":
            open_.append([""])
        elif token == "|" and len(open_) > 1:
            open_[-1].append("")
        elif token == "}" and len(open_) > 1:
            options = open_.pop()
            open_[-1][-1] += rng.choice(options)
        else:
            open_[-1][-1] += token[1:] if len(token) == 2 and token[0] == "\\" else token
    while len(open_) > 1:  # never closed: it is text
        options = open_.pop()
        open_[-1][-1] += "{" + "|".join(options)
    return open_[0][0]


def literal(text: str) -> str:
    """The dynamic text that `dynamic` turns into `text`, whatever it chooses."""
    text = re.sub(r"[{}]|(?<=\\)\|", r"\\\g<0>", text)
    return re.sub(r"(?<=/)[/*]", r"{\g<0>}", text)  # nothing escapes a comment, but a choice of one hides it


def patterns(text: str, lookup: Callable[[str, str], object | None], now: datetime | None) -> str:
    """Fill in `%node.widget%` from `lookup(node, widget)` and, with a clock, `%date:yyyy-MM-dd%`; others stay."""

    def fill(match: re.Match[str]) -> str:
        inside = match[1]
        if inside.startswith("date:"):
            return date(inside[5:], now) if now else match[0]
        node, dot, widget = inside.rpartition(".")
        value = lookup(node, widget) if dot else None
        return match[0] if value is None else _UNSAFE.sub("_", str(value))

    return _PATTERN.sub(fill, text)


def date(form: str, now: datetime) -> str:
    """`yyyy-MM-dd hh:mm:ss` in any order; a doubled letter is two digits."""
    values = {"y": now.year, "M": now.month, "d": now.day, "h": now.hour, "m": now.minute, "s": now.second}

    def fill(match: re.Match[str]) -> str:
        letters = match[0]
        number = str(values[letters[0]])
        return number[-len(letters) :].zfill(len(letters)) if len(letters) > 1 else number

    return _DATE.sub(fill, form)
