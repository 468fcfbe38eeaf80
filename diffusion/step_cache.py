"""Steps that are not computed: where little changes, an answer follows from an earlier one.

EasyCache (Zhou et al. 2025, "Less is Enough: Training-Free Video Diffusion Acceleration via Runtime-Adaptive
Caching"): how much a network's output changes for a change of its input stays about the same over many steps. So the
next change is foretold from the input's, and as long as the foretold changes add up to less than a threshold, the
output is the input plus what the two differed by at the last step that was computed.

In and out are taken as for a network that sees unit variance and predicts noise, whatever the model's is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from diffusion.prediction import Prediction
from diffusion.steering import Ask, GuidancePatch, Sides, Steering

log = logging.getLogger(__name__)


@dataclass(eq=False)
class StepCache:
    """The memory of one run. between: sigmas, the larger first; outside of them every step is computed."""

    prediction: Prediction
    threshold: float
    between: tuple[float, float]
    said: str = ""  # the name under which each step is logged, if it is
    foretells: bool = True  # the output's change; else the input's own change counts
    error: float = 0.0  # since the last computed step, relative to the output, or to the input
    rate: float | None = None  # the output's change for a change of the input
    seen: Tensor | None = None  # the input of the step before
    outputs: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])  # of the step before
    offsets: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])  # of the last computed step

    def __call__(self, x: Tensor, sigma: Tensor, ask: Ask) -> Sides:
        """x (b, c, h, w) at sigma -> x0 by name, of `ask` or foretold."""
        if not sigma > 0:
            return ask()
        shown = self.prediction.scale_input(x, sigma.expand(len(x)))
        reused = self._reuses(shown, float(sigma))
        if reused:
            outputs = {name: shown + offset for name, offset in self.offsets.items()}
            found: Sides = {name: x - output * sigma for name, output in outputs.items()}
        else:
            found = ask()
            outputs = {name: (x - x0) / sigma for name, x0 in found.items()}
            self._learn(shown, outputs)
        self.seen, self.outputs = shown, outputs
        if self.said:
            log.info("%s: sigma %.4f %s, error %.4f", self.said, sigma, "reused" if reused else "computed", self.error)
        return found

    def _reuses(self, shown: Tensor, sigma: float) -> bool:
        start, end = self.between
        if self.seen is None or not end <= sigma <= start or (self.foretells and self.rate is None):
            return False
        size = _mean(*self.outputs.values()) if self.foretells else _mean(self.seen)
        rate = self.rate if self.foretells and self.rate is not None else 1.0
        self.error += rate * _mean(shown - self.seen) / size if size else 0.0
        return self.error < self.threshold

    def _learn(self, shown: Tensor, outputs: Mapping[str, Tensor]) -> None:
        self.error, self.offsets = 0.0, {name: output - shown for name, output in outputs.items()}
        moved = 0.0 if self.seen is None else _mean(shown - self.seen)
        if moved and outputs.keys() == self.outputs.keys():
            self.rate = _mean(*(output - self.outputs[name] for name, output in outputs.items())) / moved


def _mean(*tensors: Tensor) -> float:
    """The mean size of all elements."""
    return sum(float(t.abs().mean()) for t in tensors) / len(tensors)


def easy(prediction: Prediction, threshold: float, start: float, end: float, said: str = "") -> GuidancePatch:
    """EasyCache on the answer to each conditioning; guidance is computed anew. start, end: parts of the run, 0..1."""
    return _patch(lambda cache: Steering(answers=cache), prediction, threshold, start, end, said)


def lazy(prediction: Prediction, threshold: float, start: float, end: float, said: str = "") -> GuidancePatch:
    """The guided answer alone is reused, so that such a step costs nothing, whatever the guidance is.

    Guided answers hardly change at first and much later on, so nothing is foretold from them: a step is computed
    whenever the changes of the input add up to `threshold`, relative to its size.
    """
    return _patch(lambda cache: Steering(result=cache), prediction, threshold, start, end, said, foretells=False)


def _patch(
    steering: Callable[[StepCache], Steering],
    prediction: Prediction,
    threshold: float,
    start: float,
    end: float,
    said: str,
    *,
    foretells: bool = True,
) -> GuidancePatch:
    if end < start:
        raise ValueError(f"end_percent {end:g} is before start_percent {start:g}: exchange them")
    between = prediction.percent_to_sigma(start), prediction.percent_to_sigma(end)
    return GuidancePatch(lambda guider, asking: steering(StepCache(prediction, threshold, between, said, foretells)))
