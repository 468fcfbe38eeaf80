"""Nodes that say what a model predicts and on which scale of sigmas, where its file does not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import diffusion
from executor.node import Range, Widget, node
from nodes.sockets import Model

if TYPE_CHECKING:
    from diffusion.prediction import Prediction

CATEGORY = "advanced/model"

Shift = Annotated[float, Range(0.0, 100.0, step=0.01), "Higher spends more of the steps at high noise."]
End = Annotated[float, Range(0.0, 1000.0, step=0.001), Widget(round=False), "An end of the model's noise levels."]
Side = Annotated[int, Range(16, 16384, step=8), "Of the picture, in pixels."]


def _with(model: Model, prediction: Prediction) -> Model:
    return replace(model, prediction=prediction)


@node("ModelSamplingDiscrete", category=CATEGORY)
def model_sampling_discrete(
    *,
    model: Model,
    sampling: Annotated[Literal["eps", "v_prediction", "lcm", "x0", "img_to_img"], "What the model predicts."],
    zsnr: Annotated[bool, "Stretch the noise levels so that the first step starts from noise alone."] = False,
) -> Model:
    """Say what a Stable Diffusion model was trained to predict."""
    return _with(model, diffusion.prediction.discrete("v" if sampling == "v_prediction" else sampling, zero_snr=zsnr))


@node("ModelSamplingContinuousEDM", category=CATEGORY)
def model_sampling_continuous_edm(
    *,
    model: Model,
    sampling: Annotated[
        Literal["v_prediction", "edm", "edm_playground_v2.5", "eps", "cosmos_rflow"], "What the model predicts."
    ],
    sigma_max: End = 120.0,
    sigma_min: End = 0.002,
) -> Model:
    """For models that were trained at any noise level between two ends."""
    return _with(model, diffusion.prediction.edm(sampling, sigma_min, sigma_max))


@node("ModelSamplingContinuousV", category=CATEGORY)
def model_sampling_continuous_v(
    *, model: Model, sampling: Literal["v_prediction"], sigma_max: End = 500.0, sigma_min: End = 0.03
) -> Model:
    """For models that predict v at any noise level between two ends."""
    return _with(model, diffusion.prediction.angular(sigma_min, sigma_max))


@node("ModelSamplingStableCascade", category=CATEGORY)
def model_sampling_stable_cascade(*, model: Model, shift: Shift = 2.0) -> Model:
    """Set the noise shift of a Stable Cascade model."""
    return _with(model, diffusion.prediction.stable_cascade(shift))


@node("ModelSamplingSD3", category=CATEGORY)
def model_sampling_sd3(*, model: Model, shift: Shift = 3.0) -> Model:
    """Set the noise shift of a flow model such as Stable Diffusion 3."""
    return _with(model, diffusion.prediction.flow(shift))


@node("ModelSamplingAuraFlow", category=CATEGORY)
def model_sampling_aura_flow(*, model: Model, shift: Shift = 1.73) -> Model:
    """Set the noise shift of a flow model that is told times in 0..1, such as AuraFlow."""
    return _with(model, diffusion.prediction.flow(shift, multiplier=1.0))


@node("ModelSamplingFlux", category=CATEGORY)
def model_sampling_flux(
    *,
    model: Model,
    max_shift: Annotated[Shift, "At 1024 x 1024 pixels."] = 1.15,
    base_shift: Annotated[Shift, "At 256 x 256 pixels."] = 0.5,
    width: Side = 1024,
    height: Side = 1024,
) -> Model:
    """Set the noise shift of a Flux model for a size of picture."""
    return _with(
        model, diffusion.prediction.flux(diffusion.prediction.flux_shift(width, height, base_shift, max_shift))
    )
