"""Nodes that change how a model is guided: each gives a patched model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

import diffusion
from executor.node import Range, Widget, node
from nodes.sockets import Conditioning, LatentOperation, Model

if TYPE_CHECKING:
    from diffusion.steering import GuidancePatch

Lowest = Annotated[float, Range(0.0, 100.0, step=0.5, round=0.01), "The scale of the frames that are guided least."]


class Patched(NamedTuple):
    patched_model: Model


def _steered(model: Model, patch: GuidancePatch) -> Model:
    return replace(model, guidance=(*model.guidance, patch))


@node("RescaleCFG", category="advanced/model")
def rescale_cfg(
    *,
    model: Model,
    multiplier: Annotated[
        float, Range(0.0, 1.0, step=0.01), "How much of the contrast that guidance adds to take."
    ] = 0.7,
) -> Model:
    """Guidance that does not overexpose: for v-prediction models above all."""
    return _steered(model, diffusion.guidance_patches.rescale_cfg(multiplier))


@node("RenormCFG", category="advanced/model")
def renorm_cfg(
    *,
    model: Model,
    cfg_trunc: Annotated[float, Range(0.0, 100.0, step=0.01), "Guide only where sigma is below this."] = 100,
    renorm_cfg: Annotated[
        float, Range(0.0, 100.0, step=0.01), "How much longer than without guidance the result may be; 0 = any length."
    ] = 1.0,
) -> Model:
    """Guidance whose result is not longer than the answer to the positive prompt."""
    return _steered(model, diffusion.guidance_patches.renorm_cfg(cfg_trunc, renorm_cfg))


@node("CFGZeroStar", category="advanced/guidance")
def cfg_zero_star(*, model: Model) -> Patched:
    """Guidance away from only as much of the negative prompt as fits the positive one."""
    return Patched(_steered(model, diffusion.guidance_patches.cfg_zero_star()))


@node("CFGNorm", category="advanced/guidance", experimental=True)
def cfg_norm(
    *, model: Model, strength: Annotated[float, Range(0.0, 100.0, step=0.01), "Multiplies the result."] = 1.0
) -> Patched:
    """Guidance whose result is nowhere longer than the answer to the positive prompt."""
    return Patched(_steered(model, diffusion.guidance_patches.cfg_norm(strength)))


@node("TCFG", category="advanced/guidance", display_name="Tangential Damping CFG")
def tcfg(*, model: Model) -> Patched:
    """Guidance away from only that part of the negative prompt that leads along the positive one."""
    return Patched(_steered(model, diffusion.guidance_patches.tangential()))


@node(
    "Mahiro",
    category="_for_testing",
    display_name="Mahiro is so cute that she deserves a better guidance function!! (。・ω・。)",
    experimental=True,
)
def mahiro(*, model: Model) -> Patched:
    """Guidance that leans on the positive prompt alone where the negative one does not agree with it."""
    return Patched(_steered(model, diffusion.guidance_patches.mahiro()))


@node("APG", category="sampling/custom_sampling", display_name="Adaptive Projected Guidance")
def adaptive_projected_guidance(
    *,
    model: Model,
    eta: Annotated[float, Range(-10.0, 10.0, step=0.01), "How much of the part that only adds contrast to keep."] = 1.0,
    norm_threshold: Annotated[
        float, Range(0.0, 50.0, step=0.1), "The longest that a step may be; 0 = any length."
    ] = 5.0,
    momentum: Annotated[float, Range(-5.0, 1.0, step=0.01), "How much of the step before is added to each."] = 0.0,
) -> Model:
    """Guidance that can be strong without too much contrast."""
    return _steered(model, diffusion.guidance_patches.adaptive_projected(eta, norm_threshold, momentum))


@node(
    "PerpNeg",
    category="_for_testing",
    display_name="Perp-Neg (DEPRECATED by PerpNegGuider)",
    deprecated=True,
    experimental=True,
)
def perp_neg(
    *,
    model: Model,
    empty_conditioning: Conditioning,
    neg_scale: Annotated[float, Range(0.0, 100.0, step=0.01), "How strongly to avoid the negative."] = 1.0,
) -> Model:
    """Avoid only what the negative prompt does not share with the positive one."""
    return _steered(model, diffusion.guidance_patches.perp_neg(empty_conditioning, neg_scale))


@node("Epsilon Scaling", category="model_patches/unet")
def epsilon_scaling(
    *,
    model: Model,
    scaling_factor: Annotated[float, Range(0.5, 1.5, step=0.001), "The predicted noise is divided by it."] = 1.005,
) -> Model:
    """Take a little less noise away in each step, against what sampling adds up."""
    return _steered(model, diffusion.guidance_patches.epsilon_scaling(scaling_factor))


@node("VideoLinearCFGGuidance", category="sampling/video_models")
def video_linear_cfg_guidance(*, model: Model, min_cfg: Lowest = 1.0) -> Model:
    """A scale of guidance that grows from the first frame to the last."""
    return _steered(model, diffusion.guidance_patches.linear_scale(min_cfg))


@node("VideoTriangleCFGGuidance", category="sampling/video_models")
def video_triangle_cfg_guidance(*, model: Model, min_cfg: Lowest = 1.0) -> Model:
    """A scale of guidance that grows to the middle frame and falls again."""
    return _steered(model, diffusion.guidance_patches.triangle_scale(min_cfg))


@node("FreSca", category="_for_testing", experimental=True)
def fresca(
    *,
    model: Model,
    scale_low: Annotated[float, Range(0, 10, step=0.01), "Multiplies what guidance does to large forms."] = 1.0,
    scale_high: Annotated[float, Range(0, 10, step=0.01), "Multiplies what guidance does to details."] = 1.25,
    freq_cutoff: Annotated[int, Range(1, 10000, step=1), "How many frequencies are large forms."] = 20,
) -> Model:
    """Guidance with a scale of its own for large forms and for details."""
    return _steered(model, diffusion.guidance_patches.frequencies(scale_low, scale_high, freq_cutoff))


@node("LatentApplyOperationCFG", category="latent/advanced/operations", experimental=True)
def latent_apply_operation_cfg(*, model: Model, operation: LatentOperation) -> Model:
    """Apply an operation on latents to what guidance adds in each step."""
    return _steered(model, diffusion.guidance_patches.operate(operation))


@node("DifferentialDiffusion", category="_for_testing", display_name="Differential Diffusion", experimental=True)
def differential_diffusion(
    *,
    model: Model,
    strength: Annotated[
        float, Range(0.0, 1.0, step=0.01), Widget(optional=True), "0 takes the mask as it is in every step."
    ] = 1.0,
) -> Model:
    """Let the grey of a mask say how much its places change: the lighter, the earlier they begin to."""
    return replace(model, mask_rule=diffusion.steering.by_depth(strength))
