"""The conditionings of a prompt that changes during a run: each text with the part of the run in which it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from diffusion.conditioning import Conditioning
from diffusion.emphasis import Language
from diffusion.prediction import Prediction
from diffusion.prompt_schedule import Stretch
from diffusion.text import Clip

BEFORE = 1e-3
"""How far before the share of its step a text begins, so that schedules that round to whole timesteps are met."""
HALVINGS = 60


def encoded(clip: Clip, said: Sequence[Stretch], language: Language, starts: Sequence[float]) -> Conditioning:
    """Conditionings for the stretches of a schedule; each text is encoded once.

    starts: where in the run (0..1) each step begins, and 1 behind them.
    """
    texts = dict.fromkeys(one.text for one in said)
    known = {text: clip.conditioning(text, language) for text in texts}
    if len(said) == 1:
        return known[said[0].text]
    found: Conditioning = []
    for one in said:
        for embedding, options in known[one.text]:
            start = max(starts[one.start], options.get("start_percent", 0.0))
            end = min(starts[one.end], options.get("end_percent", 1.0))
            if start < end:
                found.append((embedding, {**options, "start_percent": start, "end_percent": end}))
    return found


def even_starts(steps: int) -> list[float]:
    """Where steps begin that are even shares of the run."""
    return [0.0, *(max(0.0, i / steps - BEFORE) for i in range(1, steps)), 1.0]


def starts_of(sigmas: Tensor, prediction: Prediction) -> list[float]:
    """Where the steps of a schedule begin: a text begins between the noise levels of two steps, so that each step has
    exactly the text that is meant for it.

    Raises ValueError for a schedule without a step.
    """
    levels: list[float] = sigmas.tolist()
    if len(levels) < 2:
        raise ValueError("sigmas holds no step; connect a schedule with one at least")
    between = [_percent(prediction, _middle(a, b)) for a, b in pairwise(levels[:-1])]
    return [0.0, *between, 1.0]


def _middle(a: float, b: float) -> float:
    return math.sqrt(a * b) if a > 0 and b > 0 else (a + b) / 2


def _percent(prediction: Prediction, sigma: float) -> float:
    """The share of the run whose noise level is `sigma`; the levels fall."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if prediction.percent_to_sigma(middle) > sigma else (low, middle)
    return (low + high) / 2
