"""Nodes that turn prompts into conditioning."""

from __future__ import annotations

from typing import Annotated, Any

import diffusion
from executor.files import Files
from executor.node import Range, Text, node
from nodes.sockets import Clip, Conditioning

Prompt = Annotated[str, Text(multiline=True, dynamic=True)]


def embedding_state(files: Files, text: str) -> Any:
    return diffusion.embedding_files.state(text, files.folders("embeddings"))


@node(
    "CLIPTextEncode", category="conditioning", display_name="CLIP Text Encode (Prompt)", fingerprint=embedding_state
)
def clip_text_encode(
    *, text: Annotated[Prompt, "What the picture should show; (words:1.2) weighs words."], clip: Clip
) -> Conditioning:
    """Encode a prompt, so that it can guide a model."""
    return [clip.encode(text)]


@node("CLIPSetLastLayer", category="conditioning", display_name="CLIP Set Last Layer")
def clip_set_last_layer(
    *,
    clip: Clip,
    stop_at_clip_layer: Annotated[int, Range(-24, -1, step=1), "-1 is the last layer, -2 the one before."] = -1,
) -> Clip:
    """Take the text features after an earlier layer ("clip skip")."""
    return clip.with_layer(stop_at_clip_layer)
