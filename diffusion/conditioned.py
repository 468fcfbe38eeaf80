"""The model's answers to several conditionings at once, blended by area, mask, strength and range of steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from diffusion import gligen, hooks, placement
from diffusion.control.apply import Applied, Running
from diffusion.inputs import Scene, Start
from diffusion.model import Model
from diffusion.regions import Conditioning, Region, batched, mirror_areas, mirror_controls, resolve, weight

MOST_REPEATS = 4  # of a short prompt, to share a batch with a long one
NOTHING = 1e-37  # keeps 0 / 0 at 0 where no conditioning holds


@dataclass(frozen=True, eq=False)
class Answer:
    """One conditioning in a call. share: of the side's x0, at each place of its area; None = all of it, everywhere."""

    side: str
    region: Region
    share: Tensor | None
    hooks: hooks.State = ()  # which weights it is asked with, now

    def crop(self, x: Tensor) -> Tensor:
        return self.region.area.crop(x) if self.region.area else x


@dataclass(frozen=True, eq=False)
class Call:
    """Conditionings that share one call of the network, since their crops have one size."""

    answers: tuple[Answer, ...]
    conditions: Mapping[str, Tensor]  # (answers * b, ...)
    control: Running | None
    model: Model
    hooks: hooks.State


class Conditioned:
    """The conditionings of a run, by side (`positive`, `negative`, ...). Prepared once for latents of one shape."""

    def __init__(
        self, model: Model, sides: Mapping[str, Conditioning], shape: Sequence[int], start: Start | None = None
    ):
        """shape: of the latent, (b, c, h, w). Raises ValueError for an area outside of it, or what the model lacks."""
        self.model, self.shape = model, tuple(shape)
        scenes = {name: Scene(self.shape, name, model.latent_format, start or Start()) for name in sides}
        self._sides = {
            name: resolve(c, model.prediction, shape, partial(model.inputs, scenes[name])) for name, c in sides.items()
        }
        mirror_areas(self._sides)
        mirror_controls(self._sides)
        controls: set[Applied] = {r.control for r in self._regions() if r.control}
        self._controls = {control: Running(control, model) for control in controls}
        for boxes in {r.boxes for r in self._regions() if r.boxes}:
            gligen.require_fit(boxes.gligen, model)
        self._limited = any(r.limited or hooks.scheduled(r.hooks) for r in self._regions())
        self._weights: dict[Region, Tensor] = {}
        self._plans: dict[tuple[object, ...], list[Call]] = {}
        self._models: dict[hooks.State, Model] = {(): model}
        self._last: hooks.State = ()  # the hooks of the last call

    def __call__(self, x: Tensor, sigma: Tensor, sides: Iterable[str]) -> dict[str, Tensor]:
        """x (b, c, h, w) at sigma (no dimensions) -> x0 of each of the sides; 0 wherever nothing is said of one."""
        totals: dict[str, Tensor] = {}
        for call in self._in_turn(self._plan(sigma, tuple(sides))):
            for answer, x0 in zip(call.answers, self._ask(call, x, sigma), strict=True):
                if answer.share is None:
                    totals[answer.side] = x0
                else:
                    total = totals.setdefault(answer.side, torch.zeros_like(x))
                    answer.crop(total).add_(x0 * answer.share)
        return {side: totals[side] if side in totals else torch.zeros_like(x) for side in sides}

    def _ask(self, call: Call, x: Tensor, sigma: Tensor) -> list[Tensor]:
        """x0 for each answer of a call: in one batch where the memory suffices, else one by one."""
        crops = [answer.crop(x) for answer in call.answers]
        n = len(crops)
        if placement.fits(self.model.network, n * len(x), *crops[0].shape[-2:]):
            together = crops[0] if n == 1 else torch.cat(crops)
            return list(self._x0(call, together, sigma, call.conditions, n).chunk(n))
        parts = [{k: v.chunk(n)[i] for k, v in call.conditions.items()} for i in range(n)]
        return [self._x0(call, c, sigma, p, 1) for c, p in zip(crops, parts, strict=True)]

    def _x0(self, call: Call, x: Tensor, sigma: Tensor, conditions: Mapping[str, Tensor], parts: int) -> Tensor:
        sigmas = sigma.expand(len(x))
        added = call.control(x, sigmas, conditions, parts) if call.control else None
        return call.model.x0(x, sigmas, conditions if added is None else {**conditions, "control": added})

    def _regions(self) -> Iterable[Region]:
        return (region for side in self._sides.values() for region in side)

    def _plan(self, sigma: Tensor, sides: tuple[str, ...]) -> list[Call]:
        level = float(sigma) if self._limited else 0.0  # reads it from its device only if it matters
        holding = {s: [r for r in self._sides[s] if not self._limited or r.holds(level)] for s in sides}
        states = {r: self._state(r, level) for regions in holding.values() for r in regions if r.hooks}
        key = (*((s, *regions) for s, regions in holding.items()), *states.values())
        if key not in self._plans:
            answers = (a for s, regions in holding.items() for a in self._shares(s, regions))
            self._plans[key] = self._calls([replace(a, hooks=states.get(a.region, ())) for a in answers])
        return self._plans[key]

    def _state(self, region: Region, level: float) -> hooks.State:
        return hooks.state(region.hooks, level, self.model.prediction)

    def _in_turn(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Those with the weights that are in place first, so that weights move once less a step."""
        if len(self._models) == 1:
            return calls
        calls = sorted(calls, key=lambda call: call.hooks != self._last)
        self._last = calls[-1].hooks if calls else self._last
        return calls

    # --- what is prepared ---

    def _shares(self, side: str, regions: Sequence[Region]) -> list[Answer]:
        """The conditionings of a side that hold at one time, with their shares, which add up to 1 or 0 everywhere."""
        if len(regions) == 1 and _covers_all(regions[0]):
            return [Answer(side, regions[0], None)]
        total = torch.zeros(self.shape[0], 1, *self.shape[2:], device=self.model.device)
        weights = [(r, self._weight(r)) for r in regions if not r.default]
        for region, w in weights:
            _within(region, total).add_(w)
        rest = (1 - total).clamp(min=0)
        defaults = [(r, _within(r, rest)) for r in regions if r.default and _within(r, rest).any()]
        for region, w in defaults:
            _within(region, total).add_(w)
        return [Answer(side, r, w / (_within(r, total) + NOTHING)) for r, w in (*weights, *defaults)]

    def _weight(self, region: Region) -> Tensor:
        if region not in self._weights:
            self._weights[region] = weight(region, self.shape, self.model.device)
        return self._weights[region]

    def _calls(self, answers: Sequence[Answer]) -> list[Call]:
        groups: list[list[Answer]] = []
        for answer in answers:
            group = next((g for g in groups if _together([*g, answer])), None)
            if group is None:
                groups.append([answer])
            else:
                group.append(answer)
        return [self._call(group) for group in groups]

    def _call(self, group: Sequence[Answer]) -> Call:
        first = group[0].region
        size = first.area.size if first.area else self.shape[2:]
        state = group[0].hooks
        if state not in self._models:
            self._models[state] = hooks.changed(self.model, state)
        model = self._models[state]
        model = first.boxes.on(model, size) if first.boxes else model
        return Call(tuple(group), self._batch(group), self._controls.get(first.control), model, state)

    def _batch(self, group: Sequence[Answer]) -> dict[str, Tensor]:
        everything = [answer.region.conditions for answer in group]
        tokens = math.lcm(*(c["context"].shape[1] for c in everything))
        longer = [{**c, "context": c["context"].repeat(1, tokens // c["context"].shape[1], 1)} for c in everything]
        cropped = [
            {name: a.crop(t) if t.dim() == 4 else t for name, t in c.items()}  # what lies beside the latent
            for a, c in zip(group, longer, strict=True)
        ]
        return {
            name: torch.cat([batched(c[name], self.shape[0]) for c in cropped]).to(self.model.device)
            for name in everything[0]
        }


def _covers_all(region: Region) -> bool:
    return region.area is None and region.mask is None and (region.strength > 0 or region.default)


def _within(region: Region, x: Tensor) -> Tensor:
    return region.area.crop(x) if region.area else x


def _together(group: Sequence[Answer]) -> bool:
    """Whether conditionings can share a call: crops of one size, the same control, boxes and weights, and tokens that
    can be repeated to one number."""
    alike = {(a.region.area.size if a.region.area else None, a.region.control, a.region.boxes, a.hooks) for a in group}
    if len(alike) > 1:
        return False
    conditions = [a.region.conditions for a in group]
    shapes = [{k: v.shape[1:] for k, v in c.items() if k != "context"} for c in conditions]
    tokens = [c["context"].shape[1] for c in conditions]
    width = {c["context"].shape[2] for c in conditions}
    same = all(s == shapes[0] for s in shapes) and len(width) == 1
    return same and math.lcm(*tokens) <= MOST_REPEATS * min(tokens)
