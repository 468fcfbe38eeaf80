"""How the network of each family is used: what it predicts, how its latents are scaled, what it is given."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from diffusion import inputs
from diffusion.augmentation import UPSCALER_BETAS, Pictures, upscaling
from diffusion.detect import LABEL, Family, told_prediction
from diffusion.header import Header, Shapes
from diffusion.inputs import Inputs
from diffusion.model import PIXELS, PLAYGROUND, SD15, SDXL, X4, LatentFormat
from diffusion.parts import Part
from diffusion.prediction import Prediction, discrete, edm, flow
from diffusion.weights import Weights

V_DEVIATION = 0.09
"""Of `norm1.bias` of the last transformer, above which a published network of Stable Diffusion 2 predicts v."""
GUIDANCE = "time_embed.cond_proj.weight"
EDM_RANGE = (0.002, 80.0)
EDM_V_RANGE = (0.002, 120.0)


@dataclass(frozen=True)
class Use:
    """What a handle needs beside the network."""

    prediction: Prediction
    latent_format: LatentFormat
    inputs: Inputs


def use(header: Header, family: Family, part: Part, weights: Weights, told: str = "") -> Use:
    """told: `eps` or `v`, where other files say it. weights: the whole file's; part: where its network is in it."""
    return Use(
        _prediction(header, family, part, weights, told),
        _latent_format(header, family),
        _inputs(header, family, part.shapes, weights),
    )


def _prediction(header: Header, family: Family, part: Part, weights: Weights, told: str) -> Prediction:
    told = told or told_prediction(header)
    if family.shown == "upscaling":
        return discrete(told or "v", betas=UPSCALER_BETAS)
    if _is_playground(header):
        return edm("edm_playground_v2.5", *EDM_RANGE)
    if "edm_vpred.sigma_max" in header.entries:
        return edm("v_prediction", *_range(header, weights))
    if told == "flow":
        return flow(1.0)
    if not told and family.base == "SD2" and family.shown in ("", "picture"):
        told = "v" if _last_bias_spreads(weights.of(part)) else "eps"
    return discrete(told or "eps", zero_snr=told == "v" and "ztsnr" in header.entries)


def _is_playground(header: Header) -> bool:
    return {"edm_mean", "edm_std"} <= header.entries.keys()


def _range(header: Header, weights: Weights) -> tuple[float, float]:
    low, high = (
        float(weights.tensors[name]) if (name := f"edm_vpred.sigma_{end}") in weights.tensors else usual
        for end, usual in zip(("min", "max"), EDM_V_RANGE, strict=True)
    )
    return low, high


def _last_bias_spreads(weights: Weights) -> bool:
    ends = ".transformer_blocks.0.norm1.bias"
    names = {int(n.split(".")[1]): n for n in weights.tensors if n.startswith("output_blocks.") and n.endswith(ends)}
    return bool(names) and float(weights.tensors[names[max(names)]].float().std()) > V_DEVIATION


def _latent_format(header: Header, family: Family) -> LatentFormat:
    if family.shown == "upscaling":
        return X4
    if family.shown == "pixels":
        return PIXELS
    if family.base in ("SDXL", "refiner"):
        return PLAYGROUND if _is_playground(header) else SDXL
    return SD15


def _pictures(weights: Weights, label: int) -> Pictures:
    """What is beside the network in an unCLIP checkpoint; alone it takes embeddings as they are, half of its label."""
    kept = [weights.tensors.get(f"noise_augmentor.data_{name}") for name in ("mean", "std")]
    usual = torch.zeros(1, label // 2), torch.ones(1, label // 2)
    mean, deviation = (own if t is None else t.float() for t, own in zip(kept, usual, strict=True))
    return Pictures(mean.reshape(1, -1), deviation.reshape(1, -1), label)


def _inputs(header: Header, family: Family, shapes: Shapes, weights: Weights) -> Inputs:
    parts: list[Inputs] = []
    if family.base == "SDXL":
        parts.append(inputs.xl(shapes[LABEL.name][1]))
    if family.base == "refiner":
        parts.append(inputs.refiner(shapes[LABEL.name][1]))
    if family.shown == "inpainting":
        parts.append(inputs.inpainting)
    if family.shown == "editing":
        parts.append(inputs.editing(scaled="edm_vpred.sigma_max" in header.entries))
    if family.shown == "upscaling":
        parts.append(upscaling)
    if family.shown == "picture":
        parts.append(_pictures(weights, shapes[LABEL.name][1]))
    if family.shown == "depth":
        parts.append(inputs.depth)
    if GUIDANCE in shapes:
        parts.append(inputs.guided(shapes[GUIDANCE][1]))
    return inputs.together(*parts) if parts else inputs.nothing
