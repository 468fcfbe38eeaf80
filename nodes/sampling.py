"""Nodes that run a sampler, and the guiders that they follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import diffusion
from diffusion.names import SAMPLERS, SCHEDULES
from executor.node import Choice, Progress, Range, Seed, node, silent
from nodes.sockets import Conditioning, Guider, Latent, Model, Noise, Sampler, Sigmas

if TYPE_CHECKING:
    from torch import Tensor

    from diffusion.solver import OnStep

SamplerName = Annotated[str, Choice(SAMPLERS), "The method that removes the noise."]
ScheduleName = Annotated[str, Choice(SCHEDULES), "How the noise levels of the steps are spaced."]
Steps = Annotated[int, Range(1, 10000), "More steps take longer and are more exact."]
Scale = Annotated[float, Range(0.0, 100.0, step=0.1, round=0.01)]
Cfg = Annotated[Scale, "How strongly to follow the positive prompt and avoid the negative; 1 ignores the negative."]


def reporting(progress: Progress, model: Model) -> OnStep:
    """What tells `progress` of each step, and draws the picture so far where that is wanted."""

    def on_step(i: int, n: int, x0: Tensor) -> None:
        progress(i + 1, n, lambda wanted: diffusion.previews.draw(x0, model, wanted))

    return on_step


class Sampled(NamedTuple):
    output: Latent
    denoised_output: Latent


@node("KSampler", category="sampling")
def k_sampler(
    *,
    model: Annotated[Model, "The model that denoises."],
    seed: Annotated[Seed, "The noise to start from: the same seed gives the same picture."] = 0,
    steps: Steps = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: ScheduleName,
    positive: Annotated[Conditioning, "What the picture should show."],
    negative: Annotated[Conditioning, "What it should not show."],
    latent_image: Annotated[Latent, "What to start from; an empty latent for a new picture."],
    denoise: Annotated[
        float, Range(0.0, 1.0, step=0.01), "How much to change: below 1 the result keeps to the latent."
    ] = 1.0,
    progress: Progress = silent,
) -> Latent:
    """Denoise a latent, guided by two prompts."""
    return diffusion.sampling.run_schedule(
        model,
        positive,
        negative,
        latent_image,
        noise=diffusion.noise.Noise(seed),
        steps=steps,
        cfg=cfg,
        sampler=sampler_name,
        schedule=scheduler,
        denoise=denoise,
        on_step=reporting(progress, model),
        check=progress.check,
    )


@node("KSamplerAdvanced", category="sampling", display_name="KSampler (Advanced)")
def k_sampler_advanced(
    *,
    model: Model,
    add_noise: Annotated[Literal["enable", "disable"], "Off for a latent that still holds noise from an earlier run."],
    noise_seed: Seed = 0,
    steps: Steps = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: ScheduleName,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    start_at_step: Annotated[int, Range(0, 10000), "Skip the steps before this one."] = 0,
    end_at_step: Annotated[int, Range(0, 10000), "Stop after this step."] = 10000,
    return_with_leftover_noise: Annotated[
        Literal["disable", "enable"], "Keep the noise that is left after the last step, for another sampler to go on."
    ],
    progress: Progress = silent,
) -> Latent:
    """Run some of the steps of a schedule, for instance to change the model or the prompt half-way."""
    return diffusion.sampling.run_schedule(
        model,
        positive,
        negative,
        latent_image,
        noise=diffusion.noise.Noise(noise_seed, add=add_noise == "enable"),
        steps=steps,
        cfg=cfg,
        sampler=sampler_name,
        schedule=scheduler,
        start=start_at_step,
        end=end_at_step,
        keep_noise=return_with_leftover_noise == "enable",
        on_step=reporting(progress, model),
        check=progress.check,
    )


@node("SamplerCustom", category="sampling/custom_sampling")
def sampler_custom(
    *,
    model: Model,
    add_noise: bool = True,
    noise_seed: Seed = 0,
    cfg: Cfg = 8.0,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    progress: Progress = silent,
) -> Sampled:
    """Denoise a latent over given sigmas. The second output is the last estimate of the clean picture."""
    guider = diffusion.guidance.cfg(model, positive, negative, cfg)
    noise = diffusion.noise.Noise(noise_seed, add_noise)
    return _sampled(guider, noise, sampler, sigmas, latent_image, progress)


@node("SamplerCustomAdvanced", category="sampling/custom_sampling")
def sampler_custom_advanced(
    *,
    noise: Noise,
    guider: Guider,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
    progress: Progress = silent,
) -> Sampled:
    """Denoise a latent with a guider over given sigmas. The second output is the last estimate of the clean picture."""
    return _sampled(guider, noise, sampler, sigmas, latent_image, progress)


def _sampled(
    guider: Guider, noise: Noise, sampler: Sampler, sigmas: Sigmas, latent: Latent, progress: Progress
) -> Sampled:
    run = diffusion.sampling.sample(
        guider,
        latent,
        sampler=sampler,
        sigmas=sigmas,
        noise=noise,
        on_step=reporting(progress, guider.model),
        check=progress.check,
    )
    return Sampled(*run)


@node("AddNoise", category="_for_testing/custom_sampling/noise")
def add_noise(*, model: Model, noise: Noise, sigmas: Sigmas, latent_image: Latent) -> Latent:
    """Add as much noise to a latent as lies between the first and the last of the sigmas."""
    return diffusion.sampling.add_noise(model, noise, sigmas, latent_image)
