"""Nodes that turn prompts into conditioning."""

from __future__ import annotations

from typing import Annotated, Any

import diffusion
from executor.files import Files
from executor.node import Range, Text, node
from nodes.sockets import Clip, Conditioning

Side = Annotated[int, Range(0, 16384)]
Prompt = Annotated[str, Text(multiline=True, dynamic=True)]


def embedding_state(files: Files, text: str) -> Any:
    return diffusion.embedding_files.state(text, files.folders("embeddings"))


@node("CLIPTextEncode", category="conditioning", display_name="CLIP Text Encode (Prompt)", fingerprint=embedding_state)
def clip_text_encode(
    *, text: Annotated[Prompt, "What the picture should show; (words:1.2) weighs words."], clip: Clip
) -> Conditioning:
    """Encode a prompt, so that it can guide a model."""
    return clip.conditioning(text)


@node("CLIPTextEncodeSDXLRefiner", category="advanced/conditioning")
def clip_text_encode_sdxl_refiner(
    *,
    ascore: Annotated[float, Range(0.0, 1000.0, step=0.01), "How beautiful the picture should be."] = 6.0,
    width: Side = 1024,
    height: Side = 1024,
    text: Prompt,
    clip: Clip,
) -> Conditioning:
    """Encode a prompt for Stable Diffusion XL's refiner, and tell it the picture's size and score."""
    told = {"aesthetic_score": ascore, "width": width, "height": height}
    return diffusion.conditioning.with_options(clip.conditioning(text), told)


@node("CLIPSetLastLayer", category="conditioning", display_name="CLIP Set Last Layer")
def clip_set_last_layer(
    *,
    clip: Clip,
    stop_at_clip_layer: Annotated[int, Range(-24, -1, step=1), "-1 is the last layer, -2 the one before."] = -1,
) -> Clip:
    """Take the text features after an earlier layer ("clip skip")."""
    return clip.with_layer(stop_at_clip_layer)


@node("CLIPTextEncodeSDXL", category="advanced/conditioning")
def clip_text_encode_sdxl(
    *,
    clip: Clip,
    width: Side = 1024,
    height: Side = 1024,
    crop_w: Side = 0,
    crop_h: Side = 0,
    target_width: Side = 1024,
    target_height: Side = 1024,
    text_g: Prompt,
    text_l: Prompt,
) -> Conditioning:
    """Encode one prompt for each of Stable Diffusion XL's two text encoders, and tell the model the picture's size."""
    size = {"width": width, "height": height, "crop_w": crop_w, "crop_h": crop_h}
    target = {"target_width": target_width, "target_height": target_height}
    texts = {"clip_g": text_g, "clip_l": text_l}
    return diffusion.conditioning.with_options(clip.conditioning(texts), {**size, **target})
