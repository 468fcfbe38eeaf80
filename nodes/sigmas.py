"""Nodes for the noise levels of a run: schedules, and changes to them."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import diffusion
from diffusion.names import SCHEDULES
from executor.node import Choice, Range, Widget, node
from nodes.sockets import Latent, Model, Sigmas

SCHEDULERS = "sampling/custom_sampling/schedulers"
CHANGES = "sampling/custom_sampling/sigmas"

Steps = Annotated[int, Range(1, 10000)]
Denoise = Annotated[float, Range(0.0, 1.0, step=0.01), "Share of the schedule to run, from its end."]
SigmaMax = Annotated[float, Range(0.0, 5000.0, step=0.01), Widget(round=False), "Noise level of the first step."]
SigmaMin = Annotated[float, Range(0.0, 5000.0, step=0.01), Widget(round=False), "Noise level of the last step."]
Rho = Annotated[float, Range(0.0, 100.0, step=0.01), Widget(round=False), "Higher puts more steps at low noise."]
Beta = Annotated[float, Range(0.0, 5000.0, step=0.01), Widget(round=False)]
Shape = Annotated[float, Range(0.0, 50.0, step=0.01), Widget(round=False)]
Level = Annotated[float, Range(0.0, 20000.0, step=0.01), Widget(round=False)]


class Halves(NamedTuple):
    high_sigmas: Sigmas
    low_sigmas: Sigmas


# --- schedules of a model ------------------------------------------------------------------------


@node("BasicScheduler", category=SCHEDULERS)
def basic_scheduler(
    *, model: Model, scheduler: Annotated[str, Choice(SCHEDULES)], steps: Steps = 20, denoise: Denoise = 1.0
) -> Sigmas:
    """A schedule by its name."""
    return diffusion.schedules.schedule(scheduler, model.prediction, steps, denoise)


@node("BetaSamplingScheduler", category=SCHEDULERS)
def beta_sampling_scheduler(*, model: Model, steps: Steps = 20, alpha: Shape = 0.6, beta: Shape = 0.6) -> Sigmas:
    """Steps at the quantiles of a beta distribution: more at both ends where alpha and beta are below 1."""
    return diffusion.schedules.beta(model.prediction, steps, alpha, beta)


@node("SDTurboScheduler", category=SCHEDULERS)
def sd_turbo_scheduler(
    *,
    model: Model,
    steps: Annotated[int, Range(1, 10)] = 1,
    denoise: Denoise = 1.0,
) -> Sigmas:
    """The steps that Turbo models were made for."""
    return diffusion.schedules.turbo(model.prediction, steps, denoise)


@node("SamplingPercentToSigma", category=CHANGES, output_names=["sigma_value"])
def sampling_percent_to_sigma(
    *,
    model: Model,
    sampling_percent: Annotated[float, Range(0.0, 1.0, step=0.0001)] = 0.0,
    return_actual_sigma: Annotated[
        bool, "At 0 and 1 give the ends of the model's noise levels, not the values that mean always and never."
    ] = False,
) -> float:
    """The noise level after a share of the steps."""
    return diffusion.schedules.sigma_at(model.prediction, sampling_percent, actual=return_actual_sigma)


# --- schedules without a model -------------------------------------------------------------------


@node("KarrasScheduler", category=SCHEDULERS)
def karras_scheduler(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675, rho: Rho = 7.0
) -> Sigmas:
    """Steps that are smaller the less noise there is, by a power."""
    return diffusion.schedules.karras_between(steps, sigma_min, sigma_max, rho)


@node("ExponentialScheduler", category=SCHEDULERS)
def exponential_scheduler(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675
) -> Sigmas:
    """Each step divides the noise by the same factor."""
    return diffusion.schedules.exponential_between(steps, sigma_min, sigma_max)


@node("PolyexponentialScheduler", category=SCHEDULERS)
def polyexponential_scheduler(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675, rho: Rho = 1.0
) -> Sigmas:
    """As the exponential one, with the steps moved to low noise by a power."""
    return diffusion.schedules.polyexponential_between(steps, sigma_min, sigma_max, rho)


@node("LaplaceScheduler", category=SCHEDULERS)
def laplace_scheduler(
    *,
    steps: Steps = 20,
    sigma_max: SigmaMax = 14.614642,
    sigma_min: SigmaMin = 0.0291675,
    mu: Annotated[float, Range(-10.0, 10.0, step=0.1), Widget(round=False), "Logarithm of the middle level."] = 0.0,
    beta: Annotated[float, Range(0.0, 10.0, step=0.1), Widget(round=False), "How widely the steps spread."] = 0.5,
) -> Sigmas:
    """Most steps around one noise level. Ends at the lowest level, not at zero."""
    return diffusion.schedules.laplace_between(steps, sigma_min, sigma_max, mu, beta)


@node("VPScheduler", category=SCHEDULERS)
def vp_scheduler(
    *,
    steps: Steps = 20,
    beta_d: Beta = 19.9,
    beta_min: Beta = 0.1,
    eps_s: Annotated[float, Range(0.0, 1.0, step=0.0001), Widget(round=False), "Time of the last step."] = 0.001,
) -> Sigmas:
    """Even steps in the time of a variance-preserving process."""
    return diffusion.schedules.variance_preserving(steps, beta_d, beta_min, eps_s)


@node("AlignYourStepsScheduler", category=SCHEDULERS)
def align_your_steps_scheduler(
    *, model_type: Literal["SD1", "SDXL", "SVD"], steps: Steps = 10, denoise: Denoise = 1.0
) -> Sigmas:
    """Align Your Steps: levels optimised for a family of models, best at ten steps."""
    return diffusion.schedule_tables.align_your_steps(model_type, steps, denoise)


@node("GITSScheduler", category=SCHEDULERS)
def gits_scheduler(
    *,
    coeff: Annotated[float, Range(0.8, 1.5, step=0.05), "Higher puts more steps at low noise."] = 1.2,
    steps: Annotated[int, Range(2, 1000)] = 10,
    denoise: Denoise = 1.0,
) -> Sigmas:
    """Geometry-inspired time steps: levels optimised for each number of steps."""
    return diffusion.gits.gits(coeff, steps, denoise)


@node("OptimalStepsScheduler", category=SCHEDULERS)
def optimal_steps_scheduler(
    *,
    model_type: Literal["FLUX", "Wan", "Chroma"],
    steps: Annotated[int, Range(3, 1000)] = 20,
    denoise: Denoise = 1.0,
) -> Sigmas:
    """Optimal step sizes for flow models."""
    return diffusion.schedule_tables.optimal_steps(model_type, steps, denoise)


@node("LTXVScheduler", category=SCHEDULERS)
def ltxv_scheduler(
    *,
    steps: Steps = 20,
    max_shift: Annotated[float, Range(0.0, 100.0, step=0.01), "Shift for 4096 latent pixels."] = 2.05,
    base_shift: Annotated[float, Range(0.0, 100.0, step=0.01), "Shift for 1024 latent pixels."] = 0.95,
    stretch: Annotated[bool, "Stretch the levels so that the last before zero is `terminal`."] = True,
    terminal: Annotated[float, Range(0.0, 0.99, step=0.01), "The last level before zero, when stretched."] = 0.1,
    latent: Annotated[Latent | None, "Decides the shift by its size; 4096 latent pixels without it."] = None,
) -> Sigmas:
    """The schedule of LTX Video."""
    tokens = math.prod(latent["samples"].shape[2:]) if latent else 4096
    return diffusion.schedules.ltxv(steps, tokens, max_shift, base_shift, terminal if stretch else None)


# --- changes -------------------------------------------------------------------------------------


@node("SplitSigmas", category=CHANGES)
def split_sigmas(*, sigmas: Sigmas, step: Annotated[int, Range(0, 10000)] = 0) -> Halves:
    """Cut a schedule in two at a step."""
    return Halves(*diffusion.sigma_lists.split(sigmas, step))


@node("SplitSigmasDenoise", category=CHANGES)
def split_sigmas_denoise(*, sigmas: Sigmas, denoise: Denoise = 1.0) -> Halves:
    """Cut a schedule in two; the second part is the given share."""
    return Halves(*diffusion.sigma_lists.split_denoise(sigmas, denoise))


@node("FlipSigmas", category=CHANGES)
def flip_sigmas(*, sigmas: Sigmas) -> Sigmas:
    """Reverse a schedule, to go from a picture to noise."""
    return diffusion.sigma_lists.flip(sigmas)


@node("SetFirstSigma", category=CHANGES)
def set_first_sigma(
    *, sigmas: Sigmas, sigma: Annotated[float, Range(0.0, 20000.0, step=0.001), Widget(round=False)] = 136.0
) -> Sigmas:
    """Change where a schedule starts."""
    return diffusion.sigma_lists.with_first(sigmas, sigma)


@node("ExtendIntermediateSigmas", category=CHANGES)
def extend_intermediate_sigmas(
    *,
    sigmas: Sigmas,
    steps: Annotated[int, Range(1, 100), "How many steps each step becomes."] = 2,
    start_at_sigma: Annotated[
        float, Range(-1.0, 20000.0, step=0.01), Widget(round=False), "From this level on; -1 for all."
    ] = -1.0,
    end_at_sigma: Annotated[Level, "Down to this level."] = 12.0,
    spacing: Literal["linear", "cosine", "sine"],
) -> Sigmas:
    """Divide some steps of a schedule into more."""
    return diffusion.sigma_lists.extend(sigmas, steps, start_at_sigma, end_at_sigma, spacing)
