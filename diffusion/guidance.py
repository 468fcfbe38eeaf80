"""Guiders: which conditionings a run asks the model for, and how their answers become one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from diffusion.conditioned import Conditioned
from diffusion.model import Model
from diffusion.regions import Conditioning
from diffusion.solver import Denoise

Blend = Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True, eq=False)
class Guider:
    """What a GUIDER socket carries. `needed`: the sides that `blend` reads; `negative` may be none of them."""

    model: Model
    sides: Mapping[str, Conditioning]
    blend: Blend
    needed: tuple[str, ...]


class Guided:
    """A guider at work on latents of one shape: `denoise(x, sigma) -> x0`, as samplers call it."""

    def __init__(self, guider: Guider, shape: tuple[int, ...]):
        self._guider = guider
        self._answers = Conditioned(guider.model, guider.sides, shape)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x (b, c, h, w) at sigma (no dimensions) -> the guided x0."""
        return self._guider.blend(self._answers(x, sigma, self._guider.needed))

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The guided x0 and that of the negative alone, which is 0 where a guider has none."""
        has_negative = "negative" in self._guider.sides
        sides = dict.fromkeys((*self._guider.needed, *(("negative",) if has_negative else ())))
        answers = self._answers(x, sigma, sides)
        return self._guider.blend(answers), answers["negative"] if has_negative else torch.zeros_like(x)


@dataclass(frozen=True, eq=False)
class Masked:
    """Keeps `latent` where `mask` (b, 1, h, w) is 0: what the sampler does there is replaced by the latent with noise
    before each call, and without noise after it."""

    inner: Denoise
    model: Model
    latent: Tensor
    noise: Tensor
    mask: Tensor

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self._kept(self.inner(self._before(x, sigma), sigma))

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        guided, negative = self.inner.both(self._before(x, sigma), sigma)
        return self._kept(guided), negative

    def _before(self, x: Tensor, sigma: Tensor) -> Tensor:
        kept = self.model.prediction.add_noise(self.latent, self.noise, sigma, False)
        return x * self.mask + kept * (1 - self.mask)

    def _kept(self, x0: Tensor) -> Tensor:
        return x0 * self.mask + self.latent * (1 - self.mask)


# --- the guiders ---------------------------------------------------------------------------------


def basic(model: Model, conditioning: Conditioning) -> Guider:
    """One conditioning, no guidance."""
    return Guider(model, {"positive": conditioning}, lambda x0: x0["positive"], ("positive",))


def cfg(model: Model, positive: Conditioning, negative: Conditioning, scale: float) -> Guider:
    """Classifier-free guidance (Ho & Salimans 2022): away from the negative. At scale 1 it is not asked for."""
    needed = ("positive",) if _is_one(scale) else ("positive", "negative")
    sides = {"positive": positive, "negative": negative}
    return Guider(model, sides, lambda x0: _toward(x0, "negative", "positive", scale), needed)


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
