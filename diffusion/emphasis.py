"""How a prompt says what weighs more, and what a weight does: one `Language` each.

`standard`: as the standard does it; see `diffusion.prompt` and `diffusion.text`.
`A1111`: as A1111's WebUI describes it (its wiki, Features, "Attention/emphasis"): brackets multiply, `[x]` divides by
1.1; the states of a token are multiplied by its weight, then all by what brings their mean back to what it was.
`A1111, no norm`: the same without the latter.
`down-weight`: as compel does it, where it removes words (github.com/damian0815/compel, MIT): as the standard, and below
1 the states move to those of the prompt without these words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from diffusion.prompt import LENGTH, Chunk, Token, Vector, chunks, weighted

Segment = tuple[str, float]
Group = list[tuple[Token, float]]
Run = Callable[[Sequence[Chunk]], tuple[Tensor, Tensor]]  # n chunks -> states (n, 77, w), pooled (n, w)
Pack = Callable[[Sequence[Group], int], list[Chunk]]  # groups of tokens and what fills up -> chunks
Weigh = Callable[[Run, Sequence[Chunk], int], tuple[Tensor, Tensor]]  # with the weights, and what fills up -> as Run

BREAK = re.compile(r"\s*\bBREAK\b\s*")
MARK = re.compile(r"\\[\\()\[\]]?|[()\[\]]|:\s*(?P<weight>[+-]?[.\d]+)\s*\)")
STEP = 1.1  # what one bracket multiplies or divides by
ROOM = LENGTH - 2  # tokens of a chunk, beside its start and end
BACK = 20  # tokens between the end of a chunk and a comma at which A1111 cuts instead
COMMA = 267  # the token
SMALLEST = 1e-5  # a weight that is as good as none


@dataclass(frozen=True)
class Language:
    """parse: the segments of a prompt with their weights. breaks: whether BREAK begins a new chunk."""

    parse: Callable[[str], list[Segment]]
    weigh: Weigh
    pack: Pack = chunks
    breaks: bool = True

    def passages(self, text: str) -> list[list[Segment]]:
        """The segments of a prompt, apart for each run of chunks. Never empty."""
        found: list[list[Segment]] = [[]]
        for segment, weight in self.parse(text):
            first, *others = BREAK.split(segment) if self.breaks else [segment]
            found[-1].append((first, weight))
            found += [[(other, weight)] for other in others]
        return found


# --- what a weight does --------------------------------------------------------------------------


def from_empty(run: Run, prompt: Sequence[Chunk], pad: int) -> tuple[Tensor, Tensor]:
    """A token of weight w becomes e + w (z - e), where z is its state and e that at its place in an empty prompt."""
    weights = _weights(prompt)
    some = bool((weights != 1).any())
    states, pooled = run([*prompt, *(chunks([], pad) if some else [])])
    return (_from_empty(states[:-1], states[-1], weights) if some else states), pooled[: len(prompt)]


def _from_empty(z: Tensor, e: Tensor, weights: Tensor) -> Tensor:
    w = weights[..., None].to(z)
    return torch.where(w == 1, z, e + w * (z - e))


def multiplied(run: Run, prompt: Sequence[Chunk], pad: int) -> tuple[Tensor, Tensor]:
    """A token of weight w becomes w z."""
    states, pooled = run(prompt)
    return states * _weights(prompt)[..., None].to(states), pooled


def with_mean_restored(run: Run, prompt: Sequence[Chunk], pad: int) -> tuple[Tensor, Tensor]:
    """A token of weight w becomes w z, times what gives all states of its chunk the mean that they had."""
    states, pooled = run(prompt)
    weights = _weights(prompt)
    changed = states * weights[..., None].to(states)
    before, after = (x.float().mean((1, 2), keepdim=True) for x in (states, changed))
    plain = (weights == 1).all(1)[:, None, None].to(after.device) | (after == 0)
    return changed * torch.where(plain, 1.0, before / after).to(states), pooled


def down_weighted(run: Run, prompt: Sequence[Chunk], pad: int) -> tuple[Tensor, Tensor]:
    """Words of a weight w < 1 go: the states are a mean of those of `from_empty`, which count 1, and for each such
    group of words those of the same prompt without it, which count tan((1 - w) pi / 2)."""
    lacking = [list(_lacking(chunk, pad)) for chunk in prompt]
    everything = [chunk for own, less in zip(prompt, lacking, strict=True) for chunk in (own, *(c for c, _ in less))]
    states, pooled = run([*everything, *chunks([], pad)])
    z = _from_empty(states[:-1], states[-1], _weights(everything))
    found: list[Tensor] = []
    firsts: list[int] = []
    at = 0
    for less in lacking:
        shares = z.new_tensor([1.0, *(share for _, share in less)])
        found.append(torch.tensordot(shares / shares.sum(), z[at : at + len(shares)], 1) if less else z[at])
        firsts.append(at)
        at += len(shares)
    return torch.stack(found), pooled[firsts]


def _lacking(chunk: Chunk, pad: int) -> Iterator[tuple[Chunk, float]]:
    """The chunk without each of its groups of neighbours with one weight below 1, and how much it counts."""
    at = 0
    while at < len(chunk):
        weight = chunk[at][1]
        end = next((i for i in range(at, len(chunk)) if chunk[i][1] != weight), len(chunk))
        if weight < 1:
            filling: Chunk = [(pad, 1.0)] * (end - at)
            yield [*chunk[:at], *chunk[end:], *filling], math.tan((1 - max(weight, SMALLEST)) * math.pi / 2)
        at = end


def _weights(prompt: Sequence[Chunk]) -> Tensor:
    """(n, 77)"""
    return torch.tensor([[weight for _, weight in chunk] for chunk in prompt])


# --- how A1111 reads and packs prompts -----------------------------------------------------------


def bracketed(text: str) -> list[Segment]:
    """The segments of a prompt and their weights: `(x)` multiplies by 1.1, `(x:1.3)` by 1.3, `[x]` divides by 1.1.

    `\\(`, `\\)`, `\\[`, `\\]` are text, and so is what closes nothing. A bracket that is not closed goes to the end.
    """
    texts: list[str] = []
    ranges: list[tuple[int, int | None, float]] = []  # of texts, and what multiplies their weights
    opened: dict[str, list[int]] = {"(": [], "[": []}
    at = 0
    for mark in MARK.finditer(text):
        texts.append(text[at : mark.start()])
        at, sign = mark.end(), mark[0]
        factor = _factor(sign, mark["weight"])
        pair = "[" if sign == "]" else "("
        if sign in opened:
            opened[sign].append(len(texts))
        elif factor is not None and opened[pair]:
            ranges.append((opened[pair].pop(), len(texts), factor))
        else:
            texts.append(sign[1:] if sign[0] == "\\" else sign)
    texts.append(text[at:])
    ranges += [(start, None, STEP) for start in opened["("]] + [(start, None, 1 / STEP) for start in opened["["]]
    weights = np.ones(len(texts))
    with np.errstate(over="ignore"):
        for start, end, factor in ranges:
            weights[start:end] *= factor
    return _merged(texts, weights.tolist())


def _factor(sign: str, weight: str | None) -> float | None:
    """What a closing bracket multiplies by; None for what closes nothing."""
    if sign in (")", "]"):
        return STEP if sign == ")" else 1 / STEP
    try:
        return None if weight is None else float(weight)
    except ValueError:
        return None


def _merged(texts: Sequence[str], weights: Sequence[float]) -> list[Segment]:
    pairs = [(text, weight) for text, weight in zip(texts, weights, strict=True) if text]
    return [("".join(text for text, _ in same), weight) for weight, same in groupby(pairs, lambda pair: pair[1])]


def cut_at_commas(groups: Sequence[Group], pad: int) -> list[Chunk]:
    """Tokens in chunks of 75, cut behind the last comma if it is within the last 20 of them. The vectors of an
    embedding are not cut, unless they are more than a chunk holds."""
    done: list[Chunk] = []
    now: Group = []
    for group in groups:
        whole = all(isinstance(token, Vector) for token, _ in group) and 0 < len(group) <= ROOM < len(now) + len(group)
        if whole:
            done, now = [*done, *chunks([now], pad)], []
        for one in group:
            if len(now) == ROOM:
                cut = _cut(now, one[0])
                done += chunks([now[:cut]], pad)
                now = now[cut:]
            now.append(one)
    return [*done, *chunks([now], pad)]


def _cut(tokens: Group, following: Token) -> int:
    """Where tokens that fill a chunk are cut."""
    if following == COMMA:
        return len(tokens)
    commas = [i + 1 for i in range(len(tokens) - BACK, len(tokens)) if tokens[i][0] == COMMA]
    return commas[-1] if commas else len(tokens)


# --- the table -----------------------------------------------------------------------------------


def unbracketed(text: str) -> list[Segment]:
    """As `weighted`, where `\\[` and `\\]` are brackets that are text."""
    return [(re.sub(r"\\([\[\]])", r"\1", segment), weight) for segment, weight in weighted(text)]


STANDARD = Language(weighted, from_empty, breaks=False)
LANGUAGES = {
    "standard": Language(unbracketed, from_empty),
    "A1111": Language(bracketed, with_mean_restored, cut_at_commas),
    "A1111, no norm": Language(bracketed, multiplied, cut_at_commas),
    "down-weight": Language(unbracketed, down_weighted),
}
"""By what a menu calls them."""
