"""Nodes that save a batch of pictures as one moving picture."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

import diffusion
import executor.output_files as output_files
import executor.workflow.metadata as metadata
from executor.files import Files
from executor.node import ExtraPngInfo, Prompt, Range, Shown, node
from nodes.sockets import Image

CATEGORY = "image/animation"

Prefix = Annotated[str, "Folders and the beginning of the name; may hold %date:yyyy-MM-dd% or %Node.input%."]
Fps = Annotated[float, Range(0.01, 1000.0, step=0.01), "Frames a second."]


@node("SaveAnimatedWEBP", category=CATEGORY, output_node=True)
async def save_animated_webp(
    *,
    images: Image,
    filename_prefix: Prefix = "ComfyUI",
    fps: Fps = 6.0,
    lossless: bool = True,
    quality: Annotated[int, Range(0, 100), "Of lossless files: how hard to try to make them small."] = 80,
    method: Annotated[Literal["default", "fastest", "slowest"], "Slower makes smaller files."],
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save a batch of pictures as one moving WebP, with the graph that made it inside."""
    exif = metadata.exif(output_files.texts(prompt, extra_pnginfo))

    def make() -> bytes:
        return diffusion.animations.webp(images, exif, fps, lossless=lossless, quality=quality, effort=method)

    return await _saved(images, "webp", filename_prefix, prompt, files, make)


@node("SaveAnimatedPNG", category=CATEGORY, output_node=True)
async def save_animated_png(
    *,
    images: Image,
    filename_prefix: Prefix = "ComfyUI",
    fps: Fps = 6.0,
    compress_level: Annotated[int, Range(0, 9), "9 makes the smallest files, slowly."] = 4,
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save a batch of pictures as one moving PNG, with the graph that made it inside."""
    texts = output_files.texts(prompt, extra_pnginfo)

    def make() -> bytes:
        return diffusion.animations.png(images, texts, fps, compress_level)

    return await _saved(images, "png", filename_prefix, prompt, files, make)


async def _saved(images: Image, kind: str, prefix: str, prompt: Any, files: Files, make: Any) -> Shown[None]:
    """Encoded and written in another thread, so that the next node computes meanwhile."""
    height, width = images.shape[1:3]
    filled = output_files.fill(prefix, prompt, datetime.now(), width, height)

    def save() -> list[dict[str, str]]:
        return output_files.save(files, "output", filled, kind, [make()])

    return Shown({"images": await asyncio.to_thread(save), "animated": (True,)}, None)
