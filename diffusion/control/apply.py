"""Controls at work: pictures with their strength and range of steps, as conditionings carry them, and a run's sum."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffusion import unet
from diffusion.conditioning import Conditioning, Entry, with_options
from diffusion.control.handle import Control, Fitted
from diffusion.model import Model, interruptible
from diffusion.regions import batched


@dataclass(frozen=True, eq=False)
class Applied:
    """What the option `control` of a conditioning holds."""

    control: Control
    hint: Tensor  # b i H W, 0..1
    strength: float
    start: float = 0.0  # of all steps
    end: float = 1.0
    previous: Applied | None = None

    @property
    def nbytes(self) -> int:
        """The size of the picture; the weights are the control's."""
        return self.hint.nbytes


def apply(
    sides: Iterable[Iterable[Entry]], control: Control, image: Tensor, strength: float, start: float, end: float
) -> list[Conditioning]:
    """Conditionings with one more control. image (b, h, w, c) in 0..1. At strength 0 they stay as they are.

    Entries that shared their controls still do, and so can share a call of the network.
    """
    made: dict[Applied | None, Applied] = {}
    hint = image.movedim(-1, 1)

    def controlled(options: Mapping[str, Any]) -> dict[str, Any]:
        if strength == 0:
            return dict(options)
        before = options.get("control")
        now = made.setdefault(before, Applied(control, hint, strength, start, end, before))
        return {**options, "control": now, "control_apply_to_uncond": False}

    return [[(embedding, controlled(options)) for embedding, options in side] for side in sides]


def warn_of_mask(control: Control) -> None:
    """No control here takes a mask beside its picture, as those of SD 3 and Flux do."""
    warnings.warn(
        f"{control.name} takes no mask, so this one changes nothing; InpaintPreprocessor puts a mask into the picture",
        stacklevel=2,
    )


def apply_to_both(conditioning: Iterable[Entry], control: Control, image: Tensor, strength: float) -> Conditioning:
    """A positive conditioning with one more control, which holds for the negative ones of the run as well."""
    (side,) = apply([conditioning], control, image, strength, 0.0, 1.0)
    both = {} if strength == 0 else {"control_apply_to_uncond": True}
    return [(embedding, {**options, **both}) for embedding, options in side]


def with_text(conditioning: Iterable[Entry], text: Tensor, options: Mapping[str, Any]) -> Conditioning:
    """Conditionings whose controls read another text (1, t, d); options: that came with it."""
    own = {"cross_attn_controlnet": text, "pooled_output_controlnet": options["pooled_output"]}
    return with_options(conditioning, own)


@dataclass(frozen=True, eq=False)
class _Link:
    """One control of a chain, for the model of a run. start, end: sigmas."""

    fitted: Fitted
    hint: Tensor
    strength: float
    start: float
    end: float
    seen: dict[tuple[int, ...], tuple[Tensor, ...]]

    def add(self, x: Tensor, timestep: Tensor, conditions: Mapping[str, Tensor], parts: int) -> unet.Control:
        with interruptible(self.fitted.network):
            seen = self._look((*x.shape[-2:], len(x) // parts))
            if len(seen[0]) > 1:
                seen = tuple(t.repeat(parts, 1, 1, 1) for t in seen)
            return _map(lambda t: t * self.strength, self.fitted.add(seen, x, timestep, conditions))

    def _look(self, size: tuple[int, ...]) -> tuple[Tensor, ...]:
        """What the picture says to `size`: height and width of the latents, and how many they are; kept for the run."""
        if size not in self.seen:
            looks = self.fitted.look(self.hint, *size[:2])
            self.seen[size] = looks if len(self.hint) == 1 else tuple(batched(t, size[2]) for t in looks)
        return self.seen[size]


class Running:
    """The controls of a conditioning in a run with one model. Raises ValueError if one of them does not fit it."""

    def __init__(self, applied: Applied, model: Model):
        self.model = model
        self._links: list[_Link] = []
        to_sigma = model.prediction.percent_to_sigma
        last: Applied | None = applied
        while last is not None:
            hint = last.hint.to(model.device)
            start, end = to_sigma(last.start), to_sigma(last.end)
            self._links.insert(0, _Link(last.control.fitted(model), hint, last.strength, start, end, {}))
            last = last.previous
        self._limited = applied_is_limited(applied)

    def __call__(
        self, x: Tensor, sigma: Tensor, conditions: Mapping[str, Tensor], parts: int = 1
    ) -> unet.Control | None:
        """What to add in a call at x (b, c, h, w), sigma (b,), conditions as the UNet's; None at no control's steps.

        parts: how many conditionings are in the batch, each for all of the latents.
        """
        level = float(sigma.flatten()[0]) if self._limited else 1.0
        links = [k for k in self._links if not self._limited or k.end <= level <= k.start]
        if not links:
            return None
        x, timestep = self.model.prediction.scale_input(x, sigma), self.model.prediction.timestep(sigma)
        results = [link.add(x, timestep, conditions, parts) for link in links]
        total = results[0]
        for result in results[1:]:
            total = _sum(total, result)
        return total


def applied_is_limited(applied: Applied | None) -> bool:
    """Whether a control of the chain may not hold at some step."""
    while applied is not None:
        if applied.start > 0 or applied.end < 1:
            return True
        applied = applied.previous
    return False


def _map(function: Any, control: unet.Control) -> unet.Control:
    def each(t: Tensor | None) -> Tensor | None:
        return None if t is None else function(t)

    inputs, middle, skips = control
    return unet.Control(tuple(map(each, inputs)), each(middle), tuple(map(each, skips)))


def _sum(a: unet.Control, b: unet.Control) -> unet.Control:
    def both(s: Tensor | None, t: Tensor | None) -> Tensor | None:
        return t if s is None else s if t is None else torch.add(s, t)

    skips = tuple(map(both, a.skips, b.skips))
    return unet.Control(tuple(map(both, a.inputs, b.inputs)), both(a.middle, b.middle), skips)
