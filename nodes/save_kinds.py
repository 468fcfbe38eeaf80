"""Nodes that save and show pictures in other ways than `SaveImage`: file kinds of choice, SVG, two to compare."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from xml.sax.saxutils import escape

import diffusion
import executor.output_files as output_files
import executor.workflow.metadata as metadata
from executor.files import Files
from executor.node import ExtraPngInfo, Parts, Prompt, Range, Shown, node
from executor.types import Socket
from nodes.sockets import Image

Prefix = Annotated[str, "Folders and the beginning of the name; may hold %date:yyyy-MM-dd% or %Node.input%."]
Quality = Annotated[int, Range(1, 100), "100 keeps the most detail."]
Svg = Annotated[Sequence[Any], Socket("SVG")]  # documents, as text or UTF-8 bytes

KINDS = Parts(
    "format",
    {
        "png": {
            "bit_depth": (Annotated[Literal["8-bit", "16-bit"], "Bits of each channel."], "8-bit"),
            "input_color_space": (Annotated[Literal["sRGB"], "What the values mean."], "sRGB"),
        },
        "jpeg": {"quality": (Quality, 95)},
        "webp": {"lossless": (Annotated[bool, "Keep every value; files are larger."], False), "quality": (Quality, 90)},
        "avif": {"quality": (Quality, 90)},
    },
)


@node("SaveImageAdvanced", category="image", display_name="Save Image (Advanced)", output_node=True)
async def save_image_advanced(
    *,
    images: Annotated[Image, "Each becomes one file."],
    filename_prefix: Prefix = "ComfyUI",
    format: Annotated[Literal["png", "jpeg", "webp", "avif"], "The kind of file."],
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
    **chosen: Annotated[Any, KINDS],
) -> Shown[Image]:
    """Save pictures as files of a kind, with the graph that made them inside, and hand them on."""
    height, width = images.shape[1:3]
    prefix = output_files.fill(filename_prefix, prompt, datetime.now(), width, height)
    options = {name: chosen[f"format.{name}"] for name in KINDS.options[format]}
    contents = _encoded(images, format, options, output_files.texts(prompt, extra_pnginfo))
    extension = "jpg" if format == "jpeg" else format
    saved = await asyncio.to_thread(output_files.save, files, "output", prefix, extension, contents)
    return Shown({"images": saved}, images)


def _encoded(images: Image, kind: str, options: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[bytes]:
    if kind == "png" and options["bit_depth"] == "16-bit":
        return diffusion.picture_files.deep_png(images, texts)
    if kind == "png":
        return diffusion.image_files.encode(images, texts)
    return diffusion.picture_files.lossy(images, kind.upper(), metadata.exif(texts), **options)


@node("ImageCompare", category="image", display_name="Image Compare", output_node=True)
async def image_compare(
    *,
    image_a: Annotated[Image | None, "Shown first."] = None,
    image_b: Annotated[Image | None, "Shown beside it, or under a slider where the editor has one."] = None,
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Show two batches of pictures to compare, without keeping them: their files lie in the temp folder."""
    texts, shown = output_files.texts(prompt, extra_pnginfo), dict[str, list[dict[str, str]]]()
    mark = "".join(random.choices(string.ascii_lowercase, k=5))
    for side, images in (("a", image_a), ("b", image_b)):
        contents = () if images is None else diffusion.image_files.encode(images, texts, level=1)
        prefix = f"compare_{side}_{mark}"
        shown[f"{side}_images"] = await asyncio.to_thread(output_files.save, files, "temp", prefix, "png", contents)
    return Shown({"images": [*shown["a_images"], *shown["b_images"]], **shown}, None)


@node("SaveSVGNode", category="image/save", display_name="SaveSVGNode", output_node=True)
async def save_svg(
    *,
    svg: Annotated[Svg, "Each becomes one file."],
    filename_prefix: Prefix = "svg/ComfyUI",
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
    files: Files,
) -> Shown[None]:
    """Save SVG drawings in the output folder, with the graph that made them in their metadata."""
    prefix = output_files.fill(filename_prefix, prompt, datetime.now())
    texts = output_files.texts(prompt, extra_pnginfo)
    contents = [with_metadata(text_of(document), texts).encode() for document in svg]
    return Shown({"images": await asyncio.to_thread(output_files.save, files, "output", prefix, "svg", contents)}, None)


def text_of(document: Any) -> str:
    """A drawing that is text, UTF-8 bytes, or an open file of them. Raises ValueError for what is no SVG."""
    found = document.getvalue() if hasattr(document, "getvalue") else document
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    if "<svg" not in text:
        raise ValueError(f"svg is {text[:40]!r}..., which is no SVG drawing")
    return text


def with_metadata(svg: str, texts: Mapping[str, str]) -> str:
    """The drawing with a <metadata> element at its beginning, which holds the texts by name."""
    if not texts:
        return svg
    inner = "".join(f'<text name="{escape(name)}">{escape(text)}</text>' for name, text in texts.items())
    place = svg.index(">", svg.index("<svg")) + 1
    if svg[place - 2] == "/":  # an empty drawing
        return f"{svg[: place - 2]}><metadata>{inner}</metadata></svg>{svg[place:]}"
    return f"{svg[:place]}<metadata>{inner}</metadata>{svg[place:]}"
