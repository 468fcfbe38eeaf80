"""A picture that gains noise step by step, and a run that loses it, as strips of pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from diffusion.guidance import Guider
from diffusion.labels import THEMES, Table, drawn, fitted, pictures_of, tensor_of
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.samplers import Sampler
from diffusion.sampling import fitting_channels, sample
from diffusion.solver import Denoise

Decode = Callable[[Tensor], Tensor]  # latents (n, c, h, w) -> pictures (n, h, w, 3)


def spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers 0..count - 1, evenly, with both ends."""
    if wanted >= count:
        return list(range(count))
    return [round(i * (count - 1) / max(1, wanted - 1)) for i in range(wanted)]


def signal_to_noise(sigma: float, flow: bool) -> float:
    """In dB: of data of unit variance in x0 + sigma n, or in (1 - sigma) x0 + sigma n."""
    signal = 1 - sigma if flow else 1.0
    if sigma <= 0:
        return math.inf
    return 20 * math.log10(signal / sigma) if signal > 0 else -math.inf


def label(sigma: float, flow: bool) -> str:
    ratio = signal_to_noise(sigma, flow)
    return f"sigma {sigma:.3g}\n" + ("no noise" if ratio == math.inf else f"SNR {ratio:.1f} dB")


def _seen(x: Tensor, sigma: float, flow: bool) -> Tensor:
    """x at unit variance, as a network is fed it, so that it can be looked at."""
    return x if flow else x / math.sqrt(1 + sigma**2)


# --- gaining noise -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    picture: Tensor  # (1, h, w, 3), with labels
    frames: Tensor  # (n, h, w, 3), without


def noised_pixels(image: Tensor, sigmas: Sequence[float], noise: Noise, flow: bool, side: int, theme: str) -> Strip:
    """The first picture of a batch (b, h, w, 3) at each noise level: noise in its pixels, as values in -1..1."""
    pictures_of(image[:1], "image")
    clean = (image[:1, ..., :3].expand(-1, -1, -1, 3) * 2 - 1).movedim(-1, 1)
    drawn_noise = noise.of(clean)
    noisy = [_seen(_mixed(clean, drawn_noise, s, flow), s, flow) for s in sigmas]
    frames = ((torch.cat(noisy).movedim(1, -1) + 1) / 2).clamp(0, 1)
    return Strip(_strip([frames], [label(s, flow) for s in sigmas], (), side, theme), frames)


def _mixed(clean: Tensor, noise: Tensor, sigma: float, flow: bool) -> Tensor:
    return (1 - sigma) * clean + sigma * noise if flow else clean + sigma * noise


def noised_latents(
    samples: Tensor, sigmas: Sequence[float], noise: Noise, model: Model, decode: Decode, side: int, theme: str
) -> Strip:
    """The first of some latents (b, c, h, w) at each of the noise levels, decoded."""
    at, form = model.prediction, model.latent_format
    clean = form.encode(fitting_channels(samples[:1], form))
    own = noise.of(clean)
    noisy = [_seen(at.add_noise(clean, own, s, False), s, at.flow) for s in sigmas]
    frames = torch.cat([decode(form.decode(x)) for x in noisy]).clamp(0, 1)
    return Strip(_strip([frames], [label(s, at.flow) for s in sigmas], (), side, theme), frames)


# --- losing noise --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Watched(Sampler):
    """A sampler that notes the first latent of its batch as it comes to each of some steps."""

    inner: Sampler
    steps: Sequence[int]
    seen: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, **given: Any) -> Tensor:
        return self.inner(_Watching(denoise, sigmas, self), x, sigmas, **given)


class _Watching:
    def __init__(self, denoise: Denoise, sigmas: Tensor, watched: Watched):
        self._denoise, self._watched = denoise, watched
        self._steps = {float(sigmas[i]): i for i in reversed(watched.steps)}

    def _note(self, x: Tensor, sigma: Tensor) -> None:
        step = self._steps.pop(float(sigma), None)
        if step is not None:
            self._watched.seen[step] = x[:1].to("cpu", copy=True)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self._note(x, sigma)
        return self._denoise(x, sigma)

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        self._note(x, sigma)
        return self._denoise.both(x, sigma)


@dataclass(frozen=True)
class Run:
    latent: dict[str, Any]
    picture: Tensor  # (1, h, w, 3): above what the run holds, below what the model expects of it
    frames: Tensor  # (n, h, w, 3): the latter


def watched_run(
    guider: Guider,
    latent: dict[str, Any],
    sampler: Sampler,
    sigmas: Tensor,
    noise: Noise,
    decode: Decode,
    *,
    wanted: int,
    side: int,
    theme: str,
    on_step: Callable[[int, int, Tensor], None],
    check: Callable[[], None],
) -> Run:
    """A run whose steps are looked at, `wanted` of them at most, for the first latent of the batch. The run itself is
    the same as without that.

    Raises ValueError for a schedule without a step.
    """
    if len(sigmas) < 2:
        raise ValueError("sigmas holds no step, so there is no run to look at; connect a schedule with one at least")
    count, flow, form = len(sigmas) - 1, guider.model.prediction.flow, guider.model.latent_format
    steps = spread(count, wanted)
    estimates: dict[int, Tensor] = {}

    def step(i: int, n: int, x0: Tensor) -> None:
        if i in steps:
            estimates[i] = x0[:1].to("cpu", copy=True)
        on_step(i, n, x0)

    watched = Watched(sampler.name, sampler.options, inner=sampler, steps=steps)
    result, _ = sample(guider, latent, sampler=watched, sigmas=sigmas, noise=noise, on_step=step, check=check)
    levels: list[float] = sigmas.tolist()
    both = [i for i in steps if i in estimates and i in watched.seen]
    if not both:
        raise ValueError(f"{sampler.name} chooses its own steps, so the strip cannot show them; take another sampler")
    held = torch.cat([decode(form.decode(_seen(watched.seen[i], levels[i], flow))) for i in both]).clamp(0, 1)
    expected = torch.cat([decode(form.decode(estimates[i])) for i in both]).clamp(0, 1)
    labels = [f"step {i + 1}\n{label(levels[i], flow)}" for i in both]
    return Run(result, _strip([held, expected], labels, ("the run", "the model expects"), side, theme), expected)


def _strip(rows: Sequence[Tensor], columns: Sequence[str], names: Sequence[str], side: int, theme: str) -> Tensor:
    cells = [[fitted(one, side) for one in pictures_of(row)] for row in rows]
    return tensor_of(drawn(Table(cells, columns, names), THEMES[theme]))
