"""What is said of a picture: the name or the names, the style and the background, in several ways."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.starter.names import Name, bare

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
JOINTS = ("and", "and", "and", "next to")
"""Between two things. The first that is named is on the left, always."""
NUMBERS = {2: "two", 3: "three"}
WHITE_SAID = 0.2  # of the captions of a white plate: the rest leaves its colour out


class Words(NamedTuple):
    """What the templates are filled with; `one` has the style before each thing: "a 3d pear and a 3d lemon"."""

    a: str
    n: str
    one: str
    other: str


def sentence(words: Words, style: str, background: str, tags: Sequence[str], source: random.Random) -> str:
    """One caption, drawn at random. The background is told exactly where it is not white."""
    marked = style != "flat" or source.random() < FLAT_MARKED
    template = source.choice(MARKED[style] if marked else UNMARKED)
    text = template.format(**words._asdict())
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
    words = Words(name.phrase, name.name, styled(name.phrase, style), name.also or name.phrase)
    drawn = (sentence(words, style, background, allowed, source) for _ in range(count))
    return list(dict.fromkeys(drawn))


def composed(
    words: Callable[[str, random.Random], Words], style: str, background: str, source: random.Random, count: int = 8
) -> list[str]:
    """Different captions of a picture of several things, at most `count`. words: what they are called in a style,
    drawn at random each time."""
    drawn = (sentence(words(style, source), style, background, (), source) for _ in range(count))
    return list(dict.fromkeys(drawn))


def on_plate(name: Name, colour: str, style: str, source: random.Random) -> Words:
    """A thing on a plate. That of a line drawing is no more white than what is behind it, so white is not said."""
    thing, plate = called(name, source), plate_of(colour)
    if colour == "white" and style != "line" and source.random() < WHITE_SAID:
        plate = "a white plate"
    nouns = (thing, bare(thing), styled(thing, style), name.also or thing)
    return Words(*(f"{noun} on {plate}" for noun in nouns))


def side_by_side(first: Name, second: Name, style: str, source: random.Random) -> Words:
    """Two things, the first on the left."""
    left, right, joint = called(first, source), called(second, source), source.choice(JOINTS)
    nouns = (
        (left, right),
        (bare(left), bare(right)),
        (styled(left, style), styled(right, style)),
        (first.also or left, second.also or right),
    )
    return Words(*(f"{one} {joint} {two}" for one, two in nouns))


def counted(name: Name, number: int, style: str, source: random.Random) -> Words:
    """Two or three of the same thing."""
    many, other = source.choice(plurals(name)), plurals(name)[-1]
    some = NUMBERS[number]
    return Words(f"{some} {many}", f"{some} {many}", f"{some} {style} {many}", f"{some} {other}")


def called(name: Name, source: random.Random) -> str:
    """A thing as a prompt says it: mostly as the list has it, else the other way."""
    return source.choice((name.phrase, name.phrase, name.also or name.phrase))


def styled(phrase: str, style: str) -> str:
    """A phrase with a style: "a red apple" -> "a 3d red apple", "bread" -> "3d bread"."""
    noun = bare(phrase)
    return f"{'a ' if noun != phrase else ''}{style} {noun}"


def plate_of(colour: str) -> str:
    """A plate of a colour as a phrase. White is what a plate is of which no colour is said."""
    return "a plate" if colour == "white" else f"{article(colour)} {colour} plate"


def plurals(name: Name) -> list[str]:
    """How several of a thing are called, in one or two ways; none of what cannot be counted ("broccoli")."""
    if name.plural:
        return [name.plural]
    ones = (bare(phrase) for phrase in (name.phrase, name.also) if bare(phrase) != phrase)
    return list(dict.fromkeys(map(plural, ones)))


def plural(noun: str) -> str:
    """The regular plural: "cat face" -> "cat faces", "mug of beer" -> "mugs of beer"."""
    head, joint, rest = re.fullmatch(r"(.+?)(?:( of | with )(.+))?", noun).groups("")  # pyright: ignore
    if re.search(r"(s|x|z|ch|sh)$", head):
        head += "es"
    elif re.search(r"[^aeiou]y$", head):
        head = head[:-1] + "ies"
    else:
        head += "s"
    return head + joint + rest


def article(word: str) -> str:
    """The indefinite article of a colour."""
    return "an" if word[0] in "aeiou" else "a"
