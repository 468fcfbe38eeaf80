"""Hooks: weights that change for some conditionings only, more or less as a run goes on (HOOKS sockets).

A hook names a change of weights, such as an adapter merged, and how strong it is. Which handle a conditioning is asked
of follows from its hooks and sigma alone; handles share one set of weights in memory (see `placement.Resident`), so
weights move only where two calls in a row want them otherwise.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diffusion.adapters import load, merge
from diffusion.emphasis import STANDARD, Language
from diffusion.model import Model
from diffusion.placement import Resident
from diffusion.text import Clip

if TYPE_CHECKING:
    from diffusion.conditioning import Conditioning
    from diffusion.prediction import Prediction


@dataclass(frozen=True)
class Keyframe:
    """From `start` (0..1 of a run) on, a hook's strength is multiplied by `strength`."""

    start: float
    strength: float


Keyframes = tuple[Keyframe, ...]
"""In the order of their starts. Before the first one a hook has its full strength."""


@dataclass(frozen=True, eq=False)
class Hook:
    """A change of weights, for a model and for its text networks, each with a strength."""

    change_model: Callable[[Model, float], Model]
    change_clip: Callable[[Clip, float], Clip]
    model_strength: float
    clip_strength: float
    keyframes: Keyframes = ()


Hooks = tuple[Hook, ...]
State = tuple[tuple[Hook, float], ...]
"""Hooks with the strengths that they have at one time."""


def combined(*groups: Iterable[Hook] | None) -> Hooks:
    """All hooks in turn; one that is in several groups counts once."""
    return tuple(dict.fromkeys(hook for group in groups for hook in group or ()))


def with_keyframes(hooks: Iterable[Hook], keyframes: Iterable[Keyframe] | None) -> Hooks:
    """New hooks with these keyframes in place of their own."""
    return tuple(replace(hook, keyframes=in_order(keyframes or ())) for hook in hooks)


# --- keyframes -----------------------------------------------------------------------------------

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease_in": lambda t: t * t,
    "ease_out": lambda t: t * (2 - t),
    "ease_in_out": lambda t: t * t * (3 - 2 * t),
}
"""How a strength goes from one value to another: 0..1 -> 0..1."""


def in_order(keyframes: Iterable[Keyframe]) -> Keyframes:
    """By their starts; of two with one start the later one is kept."""
    by_start = {k.start: k for k in keyframes}
    return tuple(by_start[start] for start in sorted(by_start))


def spread(strengths: Sequence[float], start: float, end: float) -> Keyframes:
    """One keyframe for each strength, evenly from `start` to `end` (0..1, inclusive).

    Raises ValueError for no strengths, or an end before the start.
    """
    if not strengths:
        raise ValueError("there are no strengths: give at least one number")
    if end < start:
        raise ValueError(f"end_percent {end:g} is before start_percent {start:g}: exchange them")
    step = (end - start) / max(1, len(strengths) - 1)
    return tuple(Keyframe(start + step * i, float(strength)) for i, strength in enumerate(strengths))


def interpolated(first: float, last: float, easing: str, start: float, end: float, count: int) -> Keyframes:
    """`count` keyframes from strength `first` at `start` to `last` at `end`. easing: a key of EASINGS."""
    ease = EASINGS[easing]
    return spread([first + (last - first) * ease(i / max(1, count - 1)) for i in range(count)], start, end)


def multiplier(keyframes: Keyframes, sigma: float, prediction: Prediction) -> float:
    """Of the last keyframe that has begun at `sigma`; 1 where none has."""
    begun = [k.strength for k in keyframes if sigma <= prediction.percent_to_sigma(k.start)]
    return begun[-1] if begun else 1.0


# --- models --------------------------------------------------------------------------------------


def scheduled(hooks: Hooks) -> bool:
    """Whether the strength of any of them depends on sigma."""
    return any(hook.keyframes for hook in hooks)


def state(hooks: Hooks, sigma: float, prediction: Prediction) -> State:
    """The hooks that change a model at `sigma`, with their strengths."""
    found = ((h, h.model_strength * multiplier(h.keyframes, sigma, prediction)) for h in hooks)
    return tuple((hook, strength) for hook, strength in found if strength)


def changed(model: Model, state: State) -> Model:
    """The model with all hooks at their strengths."""
    for hook, strength in state:
        model = hook.change_model(model, strength)
    return model


def lora(path: Path, model_strength: float, clip_strength: float) -> Hook:
    """An adapter's file. What is wrong with it is said where it is merged."""
    return Hook(partial(_with_lora, path), partial(_clip_with_lora, path), model_strength, clip_strength)


def _with_lora(path: Path, model: Model, strength: float) -> Model:
    return load.apply_to_model(path, model, strength)


def _clip_with_lora(path: Path, clip: Clip, strength: float) -> Clip:
    return load.apply_to_clip(path, clip, strength)


def model_as_lora(other: Model, clip: Clip | None, model_strength: float, clip_strength: float) -> Hook:
    """What another model's weights, and its text networks', differ by from those that are changed: at strength 1 a
    plain model becomes the other. Both must be of one family."""
    return Hook(
        lambda model, strength: _toward(model, other, strength),
        lambda mine, strength: mine if clip is None else _clip_toward(mine, clip, strength),
        model_strength,
        clip_strength,
    )


def _toward(model: Model, other: Model, strength: float) -> Model:
    base = replace(model, network=_unchanged(model.network))
    added = merge.models(model, other, merge.shares(1, strength))
    return merge.models(added, base, merge.shares(1, -strength))


def _clip_toward(clip: Clip, other: Clip, strength: float) -> Clip:
    base = replace(clip, encoders=tuple(replace(e, network=_unchanged(e.network)) for e in clip.encoders))
    return merge.clips(merge.clips(clip, other, merge.shares(1, strength)), base, merge.shares(1, -strength))


def _unchanged(network: Any) -> Any:
    """A handle on the file's own weights."""
    plain = copy.copy(network)
    if isinstance(plain, Resident):
        plain.patches = {}
    return plain


# --- text ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HookedClip(Clip):
    """Text networks with hooks. passed_on: the conditionings get them too. by_step: prompts are encoded once for each
    time that a keyframe begins, each for its part of the run; else once, with the full strengths."""

    hooks: Hooks = ()
    passed_on: bool = True
    by_step: bool = False

    def conditioning(self, text: str | Mapping[str, str], language: Language = STANDARD) -> Conditioning:
        given: dict[str, Any] = {"hooks": self.hooks} if self.passed_on and self.hooks else {}
        if not (self.by_step and scheduled(self.hooks)):
            return [self._encoded(text, language, [h.clip_strength for h in self.hooks], given)]
        starts = sorted({0.0, *(k.start for h in self.hooks for k in h.keyframes if k.start < 1)})
        return [
            self._encoded(
                text,
                language,
                [h.clip_strength * _at(h.keyframes, start) for h in self.hooks],
                {**given, "start_percent": start, "end_percent": end},
            )
            for start, end in zip(starts, [*starts[1:], 1.0], strict=True)
        ]

    def _encoded(
        self,
        text: str | Mapping[str, str],
        language: Language,
        strengths: Sequence[float],
        options: Mapping[str, Any],
    ) -> tuple[Tensor, dict[str, Any]]:
        clip: Clip = Clip(**{f.name: getattr(self, f.name) for f in fields(Clip)})
        for hook, strength in zip(self.hooks, strengths, strict=True):
            clip = hook.change_clip(clip, strength) if strength else clip
        states, own = clip.encode(text, language)
        return states, {**own, **options}


def on_clip(clip: Clip, hooks: Hooks, *, passed_on: bool, by_step: bool) -> HookedClip:
    """The text networks with hooks, beside those that they may have."""
    before = clip.hooks if isinstance(clip, HookedClip) else ()
    plain = {f.name: getattr(clip, f.name) for f in fields(Clip)}
    return HookedClip(**plain, hooks=combined(before, hooks), passed_on=passed_on, by_step=by_step)


def _at(keyframes: Keyframes, percent: float) -> float:
    begun = [k.strength for k in keyframes if k.start <= percent]
    return begun[-1] if begun else 1.0
