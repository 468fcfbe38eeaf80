"""Nodes that read and write picture files."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import diffusion
import executor.output_files as output_files
from executor.files import FileProblem, Files
from executor.node import Choice, ExtraPngInfo, Prompt, Shown, Widget, node
from nodes.sockets import Image, Mask

EXTENSIONS = {".apng", ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class ImageAndMask(NamedTuple):
    IMAGE: Image
    MASK: Mask


# --- reading -------------------------------------------------------------------------------------


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("*") if p.is_file() and not p.name.startswith("."))


def _pictures(folder: Path) -> list[str]:
    return [name for name in _names(folder) if Path(name).suffix.lower() in EXTENSIONS]


def input_pictures(files: Files) -> list[str]:
    return _pictures(files.root("input"))


def output_pictures(files: Files) -> list[str]:
    return [f"{name} [output]" for name in _pictures(files.root("output"))]


def image_state(files: Files, image: str) -> Any:
    path = files.input(image)
    return str(path), path.stat().st_size, path.stat().st_mtime_ns


def image_problem(files: Files, image: str) -> str | None:
    try:
        files.input(image)
    except FileProblem as problem:
        return f"image: {problem}; upload it or choose another"
    return None


Picture = Annotated[str, Choice(input_pictures), Widget(image_upload=True)]
OutputPicture = Annotated[
    str,
    Choice(output_pictures),
    Widget(
        image_upload=True,
        image_folder="output",
        remote={"route": "/internal/files/output", "refresh_button": True, "control_after_refresh": "first"},
    ),
]


@node("LoadImage", category="image", display_name="Load Image", fingerprint=image_state, validate=image_problem)
def load_image(*, image: Picture, files: Files) -> ImageAndMask:
    """Read a picture of the input folder; the mask is 1 where it is transparent."""
    return ImageAndMask(*diffusion.image_files.load(files.input(image)))


@node(
    "LoadImageOutput",
    category="image",
    display_name="Load Image (from Outputs)",
    experimental=True,
    fingerprint=image_state,
    validate=image_problem,
)
def load_image_output(*, image: OutputPicture, files: Files) -> ImageAndMask:
    """Read a picture that was saved earlier."""
    return ImageAndMask(*diffusion.image_files.load(files.input(image)))


@node(
    "LoadImageMask",
    category="mask",
    display_name="Load Image (as Mask)",
    fingerprint=image_state,
    validate=image_problem,
)
def load_image_mask(*, image: Picture, channel: Literal["alpha", "red", "green", "blue"], files: Files) -> Mask:
    """Read one channel of a picture as a mask; alpha is inverted, so 1 is transparent."""
    return diffusion.image_files.load_channel(files.input(image), channel)


# --- writing -------------------------------------------------------------------------------------


@node("SaveImage", category="image", display_name="Save Image", output_node=True)
async def save_image(
    *,
    images: Annotated[Image, "Each becomes one file."],
    filename_prefix: Annotated[
        str, "Folders and the beginning of the name; may hold %date:yyyy-MM-dd% or %Empty Latent Image.width%."
    ] = "ComfyUI",
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save pictures as PNG files in the output folder, with the graph that made them inside."""
    height, width = images.shape[1:3]
    prefix = output_files.fill(filename_prefix, prompt, datetime.now(), width, height)
    contents = diffusion.image_files.encode(images, output_files.texts(prompt, extra_pnginfo))
    return Shown({"images": await _save(files, "output", prefix, contents)}, None)


@node("PreviewImage", category="image", display_name="Preview Image", output_node=True)
async def preview_image(*, images: Image, prompt: Prompt, extra_pnginfo: ExtraPngInfo, files: Files) -> Shown[None]:
    """Show pictures without keeping them: their files lie in the temp folder."""
    prefix = "preview_temp_" + "".join(random.choices(string.ascii_lowercase, k=5))
    contents = diffusion.image_files.encode(images, output_files.texts(prompt, extra_pnginfo), level=1)
    return Shown({"images": await _save(files, "temp", prefix, contents)}, None)


@node("MaskPreview", category="mask", output_node=True)
async def mask_preview(*, mask: Mask, prompt: Prompt, extra_pnginfo: ExtraPngInfo, files: Files) -> Shown[None]:
    """Show masks as grey pictures without keeping them."""
    grey = mask.reshape(-1, *mask.shape[-2:], 1).expand(-1, -1, -1, 3)
    return await preview_image(images=grey, prompt=prompt, extra_pnginfo=extra_pnginfo, files=files)


async def _save(files: Files, kind: str, prefix: str, contents: Iterator[bytes]) -> list[dict[str, str]]:
    """Encode and write in another thread, so that the next node computes meanwhile."""
    return await asyncio.to_thread(output_files.save, files, kind, prefix, "png", contents)
