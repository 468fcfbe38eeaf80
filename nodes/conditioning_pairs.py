"""Nodes that set the properties of conditionings, one or a positive and a negative at a time."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import diffusion
from executor.node import Range, node
from executor.types import Socket
from nodes.conditioning import Bounds, Moment
from nodes.sockets import Conditioning, Hooks, Mask

SINGLE, PAIR = "advanced/hooks/cond single", "advanced/hooks/cond pair"

Steps = Annotated[tuple[float, float], Socket("TIMESTEPS_RANGE")]  # start, end in 0..1
MaskStrength = Annotated[float, Range(0.0, 10.0, step=0.01), "The weight of the mask."]


class Pair(NamedTuple):
    positive: Conditioning
    negative: Conditioning


class Ranges(NamedTuple):
    TIMESTEPS_RANGE: Steps
    BEFORE_RANGE: Steps
    AFTER_RANGE: Steps


@node("ConditioningTimestepsRange", category="advanced/hooks", display_name="Timesteps Range", experimental=True)
def conditioning_timesteps_range(*, start_percent: Moment = 0.0, end_percent: Moment = 1.0) -> Ranges:
    """A part of the steps, and the parts before and after it."""
    return Ranges((start_percent, end_percent), (0.0, start_percent), (end_percent, 1.0))


@node("ConditioningSetProperties", category=SINGLE, display_name="Cond Set Props", experimental=True)
def conditioning_set_properties(
    *,
    cond_NEW: Conditioning,
    strength: MaskStrength = 1.0,
    set_cond_area: Bounds,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: Steps | None = None,
) -> Conditioning:
    """A conditioning with a mask, hooks and a part of the steps, as far as they are connected."""
    return diffusion.conditioning.with_properties(
        cond_NEW, strength=strength, bounds=set_cond_area == "mask bounds", mask=mask, hooks=hooks, steps=timesteps
    )


@node("ConditioningSetPropertiesAndCombine", category=SINGLE, display_name="Cond Set Props Combine", experimental=True)
def conditioning_set_properties_and_combine(
    *,
    cond: Conditioning,
    cond_NEW: Conditioning,
    strength: MaskStrength = 1.0,
    set_cond_area: Bounds,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: Steps | None = None,
) -> Conditioning:
    """A conditioning as it is, with a new one that gets the properties."""
    new = conditioning_set_properties(
        cond_NEW=cond_NEW, strength=strength, set_cond_area=set_cond_area, mask=mask, hooks=hooks, timesteps=timesteps
    )
    return diffusion.conditioning.combine(cond, new)


@node("ConditioningSetDefaultCombine", category=SINGLE, display_name="Cond Set Default Combine", experimental=True)
def conditioning_set_default_combine(
    *, cond: Conditioning, cond_DEFAULT: Conditioning, hooks: Hooks | None = None
) -> Conditioning:
    """A conditioning, and another for the parts of the picture that it leaves free."""
    default = diffusion.conditioning.with_hooks(cond_DEFAULT, hooks)
    return diffusion.conditioning.combine(cond, diffusion.conditioning.with_options(default, {"default": True}))


@node("PairConditioningSetProperties", category=PAIR, display_name="Cond Pair Set Props", experimental=True)
def pair_conditioning_set_properties(
    *,
    positive_NEW: Conditioning,
    negative_NEW: Conditioning,
    strength: MaskStrength = 1.0,
    set_cond_area: Bounds,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: Steps | None = None,
) -> Pair:
    """Two conditionings with the same mask, hooks and part of the steps, as far as they are connected."""
    positive, negative = (
        conditioning_set_properties(
            cond_NEW=c, strength=strength, set_cond_area=set_cond_area, mask=mask, hooks=hooks, timesteps=timesteps
        )
        for c in (positive_NEW, negative_NEW)
    )
    return Pair(positive, negative)


@node(
    "PairConditioningSetPropertiesAndCombine",
    category=PAIR,
    display_name="Cond Pair Set Props Combine",
    experimental=True,
)
def pair_conditioning_set_properties_and_combine(
    *,
    positive: Conditioning,
    negative: Conditioning,
    positive_NEW: Conditioning,
    negative_NEW: Conditioning,
    strength: MaskStrength = 1.0,
    set_cond_area: Bounds,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: Steps | None = None,
) -> Pair:
    """Two conditionings as they are, each with a new one that gets the properties."""
    new = pair_conditioning_set_properties(
        positive_NEW=positive_NEW,
        negative_NEW=negative_NEW,
        strength=strength,
        set_cond_area=set_cond_area,
        mask=mask,
        hooks=hooks,
        timesteps=timesteps,
    )
    combine = diffusion.conditioning.combine
    return Pair(combine(positive, new.positive), combine(negative, new.negative))


@node(
    "PairConditioningSetDefaultCombine", category=PAIR, display_name="Cond Pair Set Default Combine", experimental=True
)
def pair_conditioning_set_default_combine(
    *,
    positive: Conditioning,
    negative: Conditioning,
    positive_DEFAULT: Conditioning,
    negative_DEFAULT: Conditioning,
    hooks: Hooks | None = None,
) -> Pair:
    """Two conditionings, and others for the parts of the picture that they leave free."""
    return Pair(
        conditioning_set_default_combine(cond=positive, cond_DEFAULT=positive_DEFAULT, hooks=hooks),
        conditioning_set_default_combine(cond=negative, cond_DEFAULT=negative_DEFAULT, hooks=hooks),
    )


@node("PairConditioningCombine", category=PAIR, display_name="Cond Pair Combine", experimental=True)
def pair_conditioning_combine(
    *, positive_A: Conditioning, negative_A: Conditioning, positive_B: Conditioning, negative_B: Conditioning
) -> Pair:
    """Two pairs of conditionings at once."""
    combine = diffusion.conditioning.combine
    return Pair(combine(positive_A, positive_B), combine(negative_A, negative_B))
