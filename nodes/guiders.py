"""Nodes that make guiders: how the answers to the prompts become one step."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.sampling import Scale
from nodes.sockets import Conditioning, Guider, Model

CATEGORY = "sampling/custom_sampling/guiders"


@node("BasicGuider", category=CATEGORY)
def basic_guider(*, model: Model, conditioning: Conditioning) -> Guider:
    """Follow one prompt, without guidance: for models that were distilled to need none."""
    return diffusion.guidance.basic(model, conditioning)


@node("CFGGuider", category=CATEGORY)
def cfg_guider(*, model: Model, positive: Conditioning, negative: Conditioning, cfg: Scale = 8.0) -> Guider:
    """Follow the positive prompt and avoid the negative."""
    return diffusion.guidance.cfg(model, positive, negative, cfg)


@node("DualCFGGuider", category=CATEGORY)
def dual_cfg_guider(
    *,
    model: Model,
    cond1: Conditioning,
    cond2: Conditioning,
    negative: Conditioning,
    cfg_conds: Annotated[Scale, "How far to go from the second prompt to the first."] = 8.0,
    cfg_cond2_negative: Annotated[Scale, "How far to go from the negative to the second prompt."] = 8.0,
    style: Annotated[Literal["regular", "nested"], "Nested goes from the negative to the mix of both prompts."],
) -> Guider:
    """Follow two prompts, each with a strength of its own."""
    return diffusion.guidance.dual_cfg(model, cond1, cond2, negative, cfg_conds, cfg_cond2_negative, style)


@node("PerpNegGuider", category="_for_testing", experimental=True)
def perp_neg_guider(
    *,
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    empty_conditioning: Conditioning,
    cfg: Scale = 8.0,
    neg_scale: Annotated[float, Range(0.0, 100.0, step=0.01), "How strongly to avoid the negative."] = 1.0,
) -> Guider:
    """Avoid only what the negative prompt does not share with the positive one."""
    return diffusion.guidance.perp_neg(model, positive, negative, empty_conditioning, cfg, neg_scale)
