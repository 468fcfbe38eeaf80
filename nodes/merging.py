"""Merging models: sums and differences of their weights, as a whole or block by block."""

from __future__ import annotations

from typing import Annotated

import diffusion
from executor.node import Names, Range, node
from nodes.sockets import Clip, Model

CATEGORY = "advanced/model_merging"
SPECIFIC = f"{CATEGORY}/model_specific"

Ratio = Annotated[float, Range(0.0, 1.0, step=0.01), "The first one's share; the rest is the second one's."]
Multiplier = Annotated[float, Range(-10.0, 10.0, step=0.01), "Of the difference."]


def _blocks(dot: str, inputs: int, outputs: int) -> Names:
    """The parts of a UNet by what the names of their weights begin with."""
    counts = (("input_blocks", inputs), ("middle_block", 3), ("output_blocks", outputs))
    parts = (f"{group}.{i}{dot}" for group, count in counts for i in range(count))
    return Names(("time_embed.", "label_emb.", *parts, "out."), 1.0)


SD1 = _blocks(".", 12, 12)
SDXL = _blocks("", 9, 9)


@node("ModelMergeSimple", category=CATEGORY)
def model_merge_simple(*, model1: Model, model2: Model, ratio: Ratio = 1.0) -> Model:
    """A model between two others."""
    return diffusion.adapters.merge.models(model1, model2, diffusion.adapters.merge.shares(ratio, 1 - ratio))


@node("ModelMergeAdd", category=CATEGORY)
def model_merge_add(*, model1: Model, model2: Model) -> Model:
    """The sum of two models, of which one is a difference."""
    return diffusion.adapters.merge.models(model1, model2, diffusion.adapters.merge.shares(1.0, 1.0))


@node("ModelMergeSubtract", category=CATEGORY)
def model_merge_subtract(*, model1: Model, model2: Model, multiplier: Multiplier = 1.0) -> Model:
    """The difference of two models: what training made of the second one."""
    return diffusion.adapters.merge.models(model1, model2, diffusion.adapters.merge.shares(multiplier, -multiplier))


@node("ModelMergeBlocks", category=CATEGORY)
def model_merge_blocks(
    *, model1: Model, model2: Model, input: Ratio = 1.0, middle: Ratio = 1.0, out: Ratio = 1.0
) -> Model:
    """A model between two others, nearer to one or the other on the way down, in the middle and on the way up."""
    shares = diffusion.adapters.merge.by_block({"input": input, "middle": middle, "out": out})
    return diffusion.adapters.merge.models(model1, model2, shares)


@node("ModelMergeSD1", category=SPECIFIC)
def model_merge_sd1(*, model1: Model, model2: Model, **ratios: Annotated[Ratio, SD1]) -> Model:
    """A Stable Diffusion 1 model between two others, by block."""
    return diffusion.adapters.merge.models(model1, model2, diffusion.adapters.merge.by_block(ratios))


@node("ModelMergeSD2", category=SPECIFIC)
def model_merge_sd2(*, model1: Model, model2: Model, **ratios: Annotated[Ratio, SD1]) -> Model:
    """A Stable Diffusion 2 model between two others, by block."""
    return diffusion.adapters.merge.models(model1, model2, diffusion.adapters.merge.by_block(ratios))


@node("ModelMergeSDXL", category=SPECIFIC)
def model_merge_sdxl(*, model1: Model, model2: Model, **ratios: Annotated[Ratio, SDXL]) -> Model:
    """A Stable Diffusion XL model between two others, by block."""
    return diffusion.adapters.merge.models(model1, model2, diffusion.adapters.merge.by_block(ratios))


@node("CLIPMergeSimple", category=CATEGORY)
def clip_merge_simple(*, clip1: Clip, clip2: Clip, ratio: Ratio = 1.0) -> Clip:
    """A text encoder between two others."""
    return diffusion.adapters.merge.clips(clip1, clip2, diffusion.adapters.merge.shares(ratio, 1 - ratio))


@node("CLIPMergeAdd", category=CATEGORY)
def clip_merge_add(*, clip1: Clip, clip2: Clip) -> Clip:
    """The sum of two text encoders, of which one is a difference."""
    return diffusion.adapters.merge.clips(clip1, clip2, diffusion.adapters.merge.shares(1.0, 1.0))


@node("CLIPMergeSubtract", category=CATEGORY)
def clip_merge_subtract(*, clip1: Clip, clip2: Clip, multiplier: Multiplier = 1.0) -> Clip:
    """The difference of two text encoders."""
    return diffusion.adapters.merge.clips(clip1, clip2, diffusion.adapters.merge.shares(multiplier, -multiplier))
