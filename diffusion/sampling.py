"""A run from noise to latent: the one way in for every sampler node."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from diffusion import guidance
from diffusion.guidance import Guided, Guider, Masked
from diffusion.inputs import Start
from diffusion.model import LatentFormat, Model, interruptible
from diffusion.noise import Noise, NoiseSource, batch_noise
from diffusion.regions import Conditioning, batched
from diffusion.samplers import Sampler
from diffusion.schedules import cut, for_sampler
from diffusion.solver import Denoise, OnStep

Latent = Mapping[str, Any]  # {"samples": (b, c, h, w), "noise_mask"?: (b, 1, H, W), "batch_index"?: [b]}


def unwatched(i: int, n: int, x0: Tensor) -> None: ...


def unchecked() -> None: ...


@torch.no_grad()
def sample(
    guider: Guider,
    latent: Latent,
    *,
    sampler: Sampler,
    sigmas: Tensor,
    noise: Noise,
    on_step: OnStep = unwatched,
    check: Callable[[], None] = unchecked,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the sampler over sigmas (n + 1) from the latent with noise.

    Returns the latent at the last sigma, and the model's last estimate of the clean one. Without sigmas both are the
    latent as it came. on_step: told each step's x0, at the network's scale. check: called between the blocks of the
    network; what it or on_step raises ends the run. Raises ValueError for a latent that is not the model's.
    """
    if len(sigmas) == 0:
        return dict(latent), dict(latent)
    model = guider.model
    samples = fitting_channels(latent["samples"], model.latent_format)
    start_noise = noise.of(samples, latent.get("batch_index"))
    last: list[Tensor] = []

    def step(i: int, n: int, x0: Tensor) -> None:
        last[:] = [x0]
        on_step(i, n, x0)

    with interruptible(model.network, check):
        result = _run(guider, samples, start_noise, latent.get("noise_mask"), sampler, sigmas, noise.seed, step)
    estimate = model.latent_format.decode(last[0]).cpu() if last else result
    return {**latent, "samples": result}, {**latent, "samples": estimate}


def _run(
    guider: Guider,
    samples: Tensor,
    noise: Tensor,
    mask: Tensor | None,
    sampler: Sampler,
    sigmas: Tensor,
    seed: int,
    on_step: OnStep,
) -> Tensor:
    model = guider.model
    at = model.prediction
    samples, noise, sigmas = (t.to(model.device, torch.float32) for t in (samples, noise, sigmas))
    clean = model.latent_format.encode(samples) if samples.any() else samples
    mask = None if mask is None else mask_for(mask, samples)
    denoise: Denoise = Guided(guider, tuple(samples.shape), Start(clean, mask, seed))
    if mask is not None:
        own = batch_noise(noise.shape, (seed + 1) % 2**64).to(noise) if sampler.redraws_masked_noise else noise
        denoise = Masked(denoise, model, clean, own, mask, sigmas.tolist())
    x = at.add_noise(clean, noise, sigmas[0], _starts_at_the_end(float(sigmas[0]), at.sigma_max))
    x = sampler(denoise, x, sigmas, prediction=at, noise=NoiseSource(seed), on_step=on_step)
    return model.latent_format.decode(at.remove_scale(x, sigmas[-1])).cpu()


def add_noise(model: Model, noise: Noise, sigmas: Tensor, latent: Latent) -> dict[str, Any]:
    """The latent with as much noise as lies between the first and the last sigma; of one alone, as much as it says."""
    if len(sigmas) == 0:
        return dict(latent)
    samples = fitting_channels(latent["samples"], model.latent_format)
    clean = model.latent_format.encode(samples) if samples.any() else samples
    amount = float((sigmas[0] - sigmas[-1]).abs() if len(sigmas) > 1 else sigmas[0])
    noisy = model.prediction.add_noise(clean, noise.of(samples, latent.get("batch_index")), amount, False)
    return {**latent, "samples": model.latent_format.decode(noisy)}


def _starts_at_the_end(sigma: float, sigma_max: float) -> bool:
    return sigma > sigma_max or math.isclose(sigma, sigma_max, rel_tol=1e-5)


def fitting_channels(samples: Tensor, latent_format: LatentFormat) -> Tensor:
    """The latent (b, c, h, w); an empty one of another model's channel count takes this model's."""
    if samples.shape[1] == latent_format.channels:
        return samples
    if samples.any():
        raise ValueError(
            f"the latent has {samples.shape[1]} channels and the model takes {latent_format.channels}: "
            "it comes from another kind of model; encode the picture with a VAE of this one"
        )
    return batched(samples.transpose(0, 1), latent_format.channels).transpose(0, 1)


def mask_for(mask: Tensor, samples: Tensor) -> Tensor:
    """A noise mask (b, 1, H, W) or (b, H, W) of any resolution, at that of the samples: (b, 1, h, w)."""
    mask = mask.reshape(-1, 1, *mask.shape[-2:]).to(samples)
    if mask.shape[-2:] != samples.shape[-2:]:
        mask = functional.interpolate(mask, size=samples.shape[-2:], mode="bilinear")
    return batched(mask, len(samples))


def run_schedule(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    *,
    noise: Noise,
    steps: int,
    cfg: float,
    sampler: str,
    schedule: str,
    denoise: float = 1.0,
    start: int = 0,
    end: int | None = None,
    keep_noise: bool = False,
    on_step: OnStep = unwatched,
    check: Callable[[], None] = unchecked,
) -> dict[str, Any]:
    """A sampler and a schedule by their names, with classifier-free guidance: what the KSampler nodes do.

    denoise: share of the schedule that is run, 0..1, from its end. start, end: steps of it to run; with `keep_noise`
    the latent still holds the noise of step `end`, so that another run can go on there.
    """
    sigmas = for_sampler(sampler, schedule, model.prediction, steps, denoise)
    if end is not None or start:
        sigmas = cut(sigmas, start, steps if end is None else end, keep_noise=keep_noise)
    guider = guidance.cfg(model, positive, negative, cfg)
    result, _ = sample(
        guider, latent, sampler=Sampler(sampler), sigmas=sigmas, noise=noise, on_step=on_step, check=check
    )
    return result
