"""Nodes that combine conditionings and say where, when and how strongly they hold."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.sockets import Conditioning, Mask

Strength = Annotated[float, Range(0.0, 10.0, step=0.01), "Its weight where several conditionings meet."]
Side = Annotated[int, Range(64, 16384, step=8), "In pixels."]
Place = Annotated[int, Range(0, 16384, step=8), "In pixels."]
Fraction = Annotated[float, Range(0, 1.0, step=0.01), "Of the picture: 1 is all of it."]
Moment = Annotated[float, Range(0.0, 1.0, step=0.001), "0 is the first step, 1 the last."]
Bounds = Annotated[
    Literal["default", "mask bounds"], "Whether the model sees the whole picture or only the box around the mask."
]


@node("ConditioningCombine", category="conditioning", display_name="Conditioning (Combine)")
def conditioning_combine(*, conditioning_1: Conditioning, conditioning_2: Conditioning) -> Conditioning:
    """Both conditionings at once: what the model predicts for each is averaged."""
    return diffusion.conditioning.combine(conditioning_1, conditioning_2)


@node("ConditioningConcat", category="conditioning", display_name="Conditioning (Concat)")
def conditioning_concat(*, conditioning_to: Conditioning, conditioning_from: Conditioning) -> Conditioning:
    """One longer prompt: the tokens of the second behind those of the first."""
    return diffusion.conditioning.concat(conditioning_to, conditioning_from)


@node("ConditioningAverage", category="conditioning")
def conditioning_average(
    *,
    conditioning_to: Conditioning,
    conditioning_from: Conditioning,
    conditioning_to_strength: Annotated[
        float, Range(0.0, 1.0, step=0.01), "1 is only the first, 0 only the second."
    ] = 1.0,
) -> Conditioning:
    """A prompt between two prompts."""
    return diffusion.conditioning.average(conditioning_to, conditioning_from, conditioning_to_strength)


@node("ConditioningZeroOut", category="advanced/conditioning")
def conditioning_zero_out(*, conditioning: Conditioning) -> Conditioning:
    """Zeros in place of the prompt."""
    return diffusion.conditioning.zero_out(conditioning)


@node("ConditioningSetArea", category="conditioning", display_name="Conditioning (Set Area)")
def conditioning_set_area(
    *,
    conditioning: Conditioning,
    width: Side = 64,
    height: Side = 64,
    x: Place = 0,
    y: Place = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """A prompt for one rectangle of the picture."""
    return diffusion.conditioning.in_area(conditioning, (height // 8, width // 8, y // 8, x // 8), strength)


@node("ConditioningSetAreaPercentage", category="conditioning", display_name="Conditioning (Set Area with Percentage)")
def conditioning_set_area_percentage(
    *,
    conditioning: Conditioning,
    width: Fraction = 1.0,
    height: Fraction = 1.0,
    x: Fraction = 0,
    y: Fraction = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """A prompt for one rectangle of the picture, given in parts of its size."""
    return diffusion.conditioning.in_area(conditioning, ("percentage", height, width, y, x), strength)


@node("ConditioningSetAreaPercentageVideo", category="conditioning")
def conditioning_set_area_percentage_video(
    *,
    conditioning: Conditioning,
    width: Fraction = 1.0,
    height: Fraction = 1.0,
    temporal: Fraction = 1.0,
    x: Fraction = 0,
    y: Fraction = 0,
    z: Fraction = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """A prompt for one rectangle of a part of a clip, given in parts of its size and length."""
    area = ("percentage", temporal, height, width, z, y, x)
    return diffusion.conditioning.in_area(conditioning, area, strength)


@node("ConditioningSetAreaStrength", category="conditioning")
def conditioning_set_area_strength(*, conditioning: Conditioning, strength: Strength = 1.0) -> Conditioning:
    """How much a prompt weighs where several meet."""
    return diffusion.conditioning.with_options(conditioning, {"strength": strength})


@node("ConditioningSetMask", category="conditioning", display_name="Conditioning (Set Mask)")
def conditioning_set_mask(
    *, conditioning: Conditioning, mask: Mask, strength: Strength = 1.0, set_cond_area: Bounds
) -> Conditioning:
    """A prompt for the part of the picture that a mask covers."""
    return diffusion.conditioning.in_mask(conditioning, mask, strength, set_cond_area == "mask bounds")


@node("ConditioningSetTimestepRange", category="advanced/conditioning")
def conditioning_set_timestep_range(
    *, conditioning: Conditioning, start: Moment = 0.0, end: Moment = 1.0
) -> Conditioning:
    """A prompt for a part of the steps."""
    return diffusion.conditioning.in_range(conditioning, start, end)
