"""What is said of a picture: the name, the style and the background, in several ways."""

from __future__ import annotations

import random
from collections.abc import Sequence

from models.starter.names import Name

UNMARKED = ("{a}", "{a}", "{n}", "{n} emoji", "an emoji of {a}", "a picture of {a}", "a drawing of {a}", "{other}")
"""Without a word for the style: this means flat, the style that a prompt gets which names none."""
MARKED = {
    "flat": ("{one}", "{n}, flat", "a flat emoji of {a}", "flat {n} emoji", "{a} in flat style"),
    "3d": ("{one}", "{n}, 3d", "a 3d emoji of {a}", "3d {n} emoji", "{a} in 3d style", "{other}, 3d"),
    "line": (
        "a line drawing of {a}",
        "{n}, line drawing",
        "{n}, line",
        "line art of {a}",
        "a line icon of {a}",
        "{a} in line style",
        "a line drawing of {other}",
    ),
    "noto": (
        "{one}",
        "{n}, noto",
        "a noto emoji of {a}",
        "noto {n} emoji",
        "{a} in noto style",
        "a noto emoji of {other}",
    ),
}
"""With the style; {one} is the name with the style before it: "a flat red apple", "flat bread"."""
FLAT_MARKED = 0.3  # of the captions of flat pictures: the rest leaves the style out
TAGGED = 0.08
RESERVED = {*MARKED, "white", "background", "style", "emoji"}


def sentence(name: Name, style: str, background: str, tags: Sequence[str], source: random.Random) -> str:
    """One caption, drawn at random. The background is told exactly where it is not white."""
    marked = style != "flat" or source.random() < FLAT_MARKED
    template = source.choice(MARKED[style] if marked else UNMARKED)
    one = f"{'a ' if name.countable else ''}{style} {name.name}"
    text = template.format(a=name.phrase, n=name.name, one=one, other=name.also or name.phrase)
    if background != "white":
        text += source.choice([f" on {article(background)} {background} background", f", {background} background"])
    if tags and source.random() < TAGGED:
        text += ", " + ", ".join(source.sample(tags, min(len(tags), 2)))
    return text


def captions(
    name: Name, style: str, background: str, tags: Sequence[str], source: random.Random, count: int = 8
) -> list[str]:
    """Different captions of one picture, at most `count`. tags: further words for the emoji, rarely dropped in."""
    allowed = [tag for tag in tags if tag not in RESERVED]
    drawn = (sentence(name, style, background, allowed, source) for _ in range(count))
    return list(dict.fromkeys(drawn))


def article(word: str) -> str:
    """The indefinite article of a colour."""
    return "an" if word[0] in "aeiou" else "a"
