"""What a patched model changes in guidance: how the answers of a step become one, and which parts a mask keeps.

A model without such patches pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from diffusion.conditioned import Conditioned
    from diffusion.guidance import Guider
    from diffusion.model import Model
    from diffusion.prediction import Prediction
    from diffusion.regions import Conditioning

Sides = Mapping[str, Tensor]
Ask = Callable[[], Sides]
Around = Callable[[Tensor, Tensor, Ask], Sides]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a guided run. sides: x0 (b, c, h, w) of each conditioning that was asked for."""

    x: Tensor  # (b, c, h, w)
    sigma: Tensor  # no dimensions
    scale: float  # of classifier-free guidance
    sides: Sides

    @property
    def positive(self) -> Tensor:
        return self.sides["positive"]

    @property
    def negative(self) -> Tensor:
        return self.sides["negative"]


@dataclass(frozen=True, eq=False)
class Steering:
    """One patch at work in one run. Of several patches all `before` and `after` hold in turn, and the last `blend`.

    before: other x0 for some sides. blend: the guided x0, in place of what the guider would make of the sides.
    after: another one from the guided x0. Only `after` is asked where a run has no negative or several positives.
    answers, result: asked in place of the model and of all guidance, with (x, sigma, what they stand for); they call
    that for x0 by side, and for x0 by name (`guided`, and `negative` where a sampler wants it), or spare the call.
    """

    before: Callable[[Step], Sides] | None = None
    blend: Callable[[Step], Tensor] | None = None
    after: Callable[[Step, Tensor], Tensor] | None = None
    answers: Around | None = None
    result: Around | None = None


Asking = Callable[["Model", "Mapping[str, Conditioning]"], "Conditioned"]
"""(model, conditionings by side) -> their answers, for latents of the run's shape."""


@dataclass(frozen=True, eq=False)
class GuidancePatch:
    """A change of guidance. start: called once a run with its guider, and with what asks other models as the run asks.

    sides: conditionings that it wants answers to, beside the guider's.
    """

    start: Callable[[Guider, Asking], Steering]
    sides: Mapping[str, Conditioning] = field(default_factory=dict[str, "Conditioning"])


def before(change: Callable[[Step], Sides]) -> GuidancePatch:
    return GuidancePatch(lambda guider, asking: Steering(before=change))


def blend(change: Callable[[Step], Tensor]) -> GuidancePatch:
    return GuidancePatch(lambda guider, asking: Steering(blend=change))


def after(change: Callable[[Step, Tensor], Tensor]) -> GuidancePatch:
    return GuidancePatch(lambda guider, asking: Steering(after=change))


MaskRule = Callable[["Tensor", "Tensor", "Sequence[float]", "Prediction"], "Tensor"]
"""(mask (b, 1, h, w), sigma, the run's sigmas, prediction) -> the mask of this step."""


def by_depth(strength: float) -> MaskRule:
    """Differential diffusion (Levin & Fried 2023): the lighter the mask, the earlier its place begins to change.

    A place changes from where its mask reaches the part of the run's time that is left. strength: 1 = all of that,
    0 = the mask as it is.
    """

    def rule(mask: Tensor, sigma: Tensor, sigmas: Sequence[float], prediction: Prediction) -> Tensor:
        first, last, now = prediction.timestep(sigma.new_tensor([sigmas[0], sigmas[-1], float(sigma)])).tolist()
        left = (now - last) / (first - last) if first != last else 0.0
        changes = (mask >= left).to(mask)
        return changes if strength == 1 else changes * strength + mask * (1 - strength)

    return rule
