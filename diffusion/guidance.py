"""Guiders: which conditionings a run asks the model for, and how their answers become one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from diffusion.conditioned import Conditioned
from diffusion.inputs import Start
from diffusion.model import Model
from diffusion.regions import Conditioning
from diffusion.solver import Denoise
from diffusion.steering import Around, Ask, Sides, Step

Blend = Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True, eq=False)
class Guider:
    """What a GUIDER socket carries. `needed`: the sides that `blend` reads; `negative` may be none of them.

    scale: of plain classifier-free guidance, which the model's patches may replace; None for other kinds.
    """

    model: Model
    sides: Mapping[str, Conditioning]
    blend: Blend
    needed: tuple[str, ...]
    scale: float | None = None


class Guided:
    """A guider at work on latents of one shape: `denoise(x, sigma) -> x0`, as samplers call it."""

    def __init__(self, guider: Guider, shape: tuple[int, ...], start: Start | None = None):
        """start: what the run begins with, which some networks are shown."""
        patches = guider.model.guidance
        wanted = {side: c for patch in patches for side, c in patch.sides.items()}
        self._guider, self._needed = guider, tuple(dict.fromkeys((*guider.needed, *wanted)))
        self._answers = Conditioned(guider.model, {**guider.sides, **wanted}, shape, start)

        def asking(model: Model, sides: Mapping[str, Conditioning]) -> Conditioned:
            return Conditioned(model, sides, shape, start)

        self._steering = [patch.start(guider, asking) for patch in patches]

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x (b, c, h, w) at sigma (no dimensions) -> the guided x0."""
        return self._results(x, sigma, self._needed)["guided"]

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The guided x0 and that of the negative alone, which is 0 where a guider has none."""
        has_negative = "negative" in self._guider.sides
        sides = (*dict.fromkeys((*self._needed, *(("negative",) if has_negative else ()))),)
        found = self._results(x, sigma, sides, ("negative",))
        return found["guided"], found["negative"]

    def _results(self, x: Tensor, sigma: Tensor, sides: tuple[str, ...], kept: tuple[str, ...] = ()) -> Sides:
        """The guided x0 as `guided`, and that of the sides to be kept."""

        def ask() -> Sides:
            return self._answers(x, sigma, sides)

        def guide() -> Sides:
            answers = _around([s.answers for s in self._steering], x, sigma, ask)
            others = {side: answers[side] if side in answers else torch.zeros_like(x) for side in kept}
            return {"guided": self._blended(x, sigma, answers), **others}

        return _around([s.result for s in self._steering], x, sigma, guide)

    def _blended(self, x: Tensor, sigma: Tensor, answers: Mapping[str, Tensor]) -> Tensor:
        if not self._steering:
            return self._guider.blend(answers)
        step = Step(x, sigma, 1.0 if self._guider.scale is None else self._guider.scale, answers)
        plain = self._guider.scale is not None and {"positive", "negative"} <= {*self._guider.needed}
        for steering in self._steering if plain else ():
            if steering.before:
                step = replace(step, sides={**step.sides, **steering.before(step)})
        blends = [steering.blend for steering in self._steering if steering.blend and plain]
        x0 = blends[-1](step) if blends else self._guider.blend(step.sides)
        for steering in self._steering:
            if steering.after:
                x0 = steering.after(step, x0)
        return x0


def _around(wrappers: Sequence[Around | None], x: Tensor, sigma: Tensor, ask: Ask) -> Sides:
    """What the last of the wrappers makes of what the ones before it make of the question."""
    for wrapper in wrappers:
        if wrapper:
            ask = partial(wrapper, x, sigma, ask)
    return ask()


@dataclass(frozen=True, eq=False)
class Masked:
    """Keeps `latent` where `mask` (b, 1, h, w) is 0: what the sampler does there is replaced by the latent with noise
    before each call, and without noise after it. The model may have a rule how the mask changes over the `sigmas`."""

    inner: Denoise
    model: Model
    latent: Tensor
    noise: Tensor
    mask: Tensor
    sigmas: Sequence[float] = ()

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        mask = self._mask(sigma)
        return self._kept(self.inner(self._before(x, sigma, mask), sigma), mask)

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        mask = self._mask(sigma)
        guided, negative = self.inner.both(self._before(x, sigma, mask), sigma)
        return self._kept(guided, mask), negative

    def _mask(self, sigma: Tensor) -> Tensor:
        rule = self.model.mask_rule
        return rule(self.mask, sigma, self.sigmas, self.model.prediction) if rule else self.mask

    def _before(self, x: Tensor, sigma: Tensor, mask: Tensor) -> Tensor:
        kept = self.model.prediction.add_noise(self.latent, self.noise, sigma, False)
        return x * mask + kept * (1 - mask)

    def _kept(self, x0: Tensor, mask: Tensor) -> Tensor:
        return x0 * mask + self.latent * (1 - mask)


# --- the guiders ---------------------------------------------------------------------------------


def basic(model: Model, conditioning: Conditioning) -> Guider:
    """One conditioning, no guidance."""
    return Guider(model, {"positive": conditioning}, lambda x0: x0["positive"], ("positive",))


def cfg(model: Model, positive: Conditioning, negative: Conditioning, scale: float) -> Guider:
    """Classifier-free guidance (Ho & Salimans 2022): away from the negative. At scale 1 it is not asked for."""
    needed = ("positive",) if _is_one(scale) else ("positive", "negative")
    sides = {"positive": positive, "negative": negative}
    return Guider(model, sides, lambda x0: _toward(x0, "negative", "positive", scale), needed, scale)


def dual_cfg(
    model: Model,
    first: Conditioning,
    second: Conditioning,
    negative: Conditioning,
    scale: float,
    scale_second: float,
    style: Literal["regular", "nested"] = "regular",
) -> Guider:
    """Two prompts. regular: `scale_second` from the negative to the second, and `scale` from the second to the first.
    nested: `scale` from the second to the first, then `scale_second` from the negative to what that gave."""

    def regular(x0: Mapping[str, Tensor]) -> Tensor:
        return _toward(x0, "negative", "second", scale_second) + (x0["positive"] - x0["second"]) * scale

    def nested(x0: Mapping[str, Tensor]) -> Tensor:
        inner = _toward(x0, "second", "positive", scale)
        return _toward({**x0, "inner": inner}, "negative", "inner", scale_second)

    sides = {"positive": first, "second": second, "negative": negative}
    blend = regular if style == "regular" else nested
    unused = {"negative"} if _is_one(scale_second) else set[str]()
    if style == "nested" and _is_one(scale):
        unused.add("second")
    return Guider(model, sides, blend, tuple(s for s in sides if s not in unused))


def perp_neg(
    model: Model, positive: Conditioning, negative: Conditioning, empty: Conditioning, scale: float, neg_scale: float
) -> Guider:
    """Perp-Neg (Armandpour et al. 2023): of the negative only what is perpendicular to the positive counts."""

    def blend(x0: Mapping[str, Tensor]) -> Tensor:
        towards, away = x0["positive"] - x0["empty"], x0["negative"] - x0["empty"]
        perpendicular = away - towards * ((away * towards).sum() / towards.square().sum().clamp(min=1e-37))
        return x0["empty"] + (towards - perpendicular * neg_scale) * scale

    sides = {"positive": positive, "negative": negative, "empty": empty}
    return Guider(model, sides, blend, tuple(sides))


def _is_one(scale: float) -> bool:
    return math.isclose(scale, 1.0)


def _toward(x0: Mapping[str, Tensor], start: str, goal: str, scale: float) -> Tensor:
    """From one side to another and, above 1, beyond it."""
    return x0[goal] if _is_one(scale) else x0[start] + (x0[goal] - x0[start]) * scale
